"""The command line: history with the arrow keys, completion with Tab, Esc closes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import ClassVar

from textual.binding import BindingType
from textual.events import Key
from textual.message import Message
from textual.widgets import Input

from bpdebug.debugger import COMMANDS, State
from bpdebug.expression.names import beginning, gradients_beginning
from bpdebug.frontends.tui.keys import LINE, bindings
from bpdebug.manual import TOPICS
from bpdebug.views.lists import LISTS


def complete(text: str, words: Iterable[str]) -> tuple[str, list[str]]:
    """The text with its last word completed as far as that is certain, and the words it could become."""
    start = len(text) - len(text.rpartition(" ")[2])
    found = sorted(word for word in words if word.startswith(text[start:]))
    if not found:
        return text, []
    first, last = found[0], found[-1]  # sorted: what these two share, all of them share
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return text[:start] + first[:same] + (" " if len(found) == 1 else ""), found


def words(state: State | None, first: bool, begun: str) -> Iterator[str]:
    """What a word that is begun may become: commands first, then tensors, their gradients and lists."""
    if first or state is None:
        yield from COMMANDS
    else:
        graph = state.timeline.graph
        yield from (graph.names[t] for t in beginning(graph, begun))
        yield from (*gradients_beginning(graph, begun), *LISTS, *COMMANDS, *TOPICS)


class TypedLine(Input):
    """A line that is typed into; `keys` says which of them do which action there."""

    keys: Mapping[str, str]

    @property
    def gone(self) -> bool:
        """Whether nobody types into it any more."""
        return not self.display or not self.screen.is_current

    async def on_key(self, event: Key) -> None:
        """Its own keys are carried out between the characters, as they come; what comes behind is another pane's."""
        if not self.gone and event.key not in self.keys:
            return
        event.stop()
        event.prevent_default()
        if self.gone:
            self.app.post_message(Key(event.key, event.character))
        else:
            await self.run_action(self.keys[event.key])


class Prompt(TypedLine):
    """One line of the debugger's language."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(LINE)

    class Offered(Message):
        """Several words could stand here."""

        def __init__(self, words: list[str]) -> None:
            super().__init__()
            self.words = words

    def __init__(
        self, words: Callable[[bool, str], Iterable[str]], entered: Callable[[str], None], keys: Mapping[str, str]
    ) -> None:
        """`entered` is handed the line, '' where it was closed; `keys` says which of them do which action."""
        super().__init__(id="prompt", select_on_focus=False)
        self.words, self.entered, self.keys = words, entered, keys
        self.history: list[str] = []
        self._at = 0

    def begin(self, text: str) -> None:
        """Opens with a text to go on from."""
        self.value, self._at = text, len(self.history)
        self.cursor_position = len(text)
        self.display = True
        self.screen.set_focus(self)  # now, not soon: the next key may be here already

    async def action_submit(self) -> None:
        """The line is carried out, and goes into the history."""
        if self.value.strip() and self.history[-1:] != [self.value]:
            self.history.append(self.value)
        self.entered(self.value)

    def action_history(self, step: int) -> None:
        """An earlier or a later line."""
        self._at = min(max(self._at + step, 0), len(self.history))
        self.value = self.history[self._at] if self._at < len(self.history) else ""
        self.cursor_position = len(self.value)

    def action_complete(self) -> None:
        """Completes the word before the cursor: first a command, then what commands speak about."""
        head, tail = self.value[: self.cursor_position], self.value[self.cursor_position :]
        first = " " not in head.rpartition(";;")[2].lstrip()
        done, found = complete(head, self.words(first, head.rpartition(" ")[2]))
        self.value = done + tail
        self.cursor_position = len(done)
        if len(found) != 1:
            self.post_message(self.Offered(found))

    def action_close(self) -> None:
        """Closes without a command."""
        self.entered("")
