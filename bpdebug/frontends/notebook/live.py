"""A session in a notebook that goes on: keys, buttons and lines of the debugger's language, over anywidget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anywidget import AnyWidget
from traitlets import Unicode

from bpdebug.errors import BpdebugError
from bpdebug.frontends.notebook.drawn import html_of
from bpdebug.frontends.options import Folder, Name, Size
from bpdebug.frontends.python import Session
from bpdebug.scenario import Scenario
from bpdebug.translation import _
from bpdebug.views import here
from bpdebug.views.html import safe


class Walk(AnyWidget):  # type: ignore[misc]  # its types are not looked at
    """A session that is seen and stepped through; `session` is there for the cells below.

    It takes what `Session` takes, and anywidget's own options. Raises BpdebugError where a scenario is none.
    """

    _esm = Path(__file__).parent / "walk.js"
    shown = Unicode().tag(sync=True)
    label = Unicode().tag(sync=True)

    def __init__(
        self, scenario: Scenario, *, memory: Size = None, spill: Folder = None, backend: Name = None,
        device: Name = None, scheduler: Name = None, **options: Any,
    ) -> None:  # fmt: skip
        self.session = Session(
            scenario, memory=memory, spill=spill, backend=backend, device=device, scheduler=scheduler
        )
        super().__init__(shown=html_of(here(self.session.state)), label=_("a line of the debugger"), **options)
        self.on_msg(lambda _widget, content, _buffers: self.do(str(content)))

    def do(self, line: str) -> None:
        """Carries out a line and shows what it says; a line that cannot be carried out is answered in words.

        A line that says nothing, an empty one or `quit`, leaves the step in sight.
        """
        try:
            said = self.session.do(line)
            self.shown = html_of(said if said.blocks or said.title else here(self.session.state))
        except BpdebugError as error:
            refused = f'<p class="bad">{safe(str(error))}</p>'
            self.shown = html_of(here(self.session.state)) + refused
