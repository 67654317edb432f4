"""Sessions that survive: every command in a journal before it runs, and what is kept in a file before it is answered.

One folder for each scenario (by its content), in it two files for each session: the journal, which is a script, and
what the session left: stops, displays, marks, forks. Nothing is ever run or restored unasked. BPDEBUG_STATE_DIR moves
the folder.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from pathlib import Path
from typing import BinaryIO

import msgspec

from bpdebug import __version__
from bpdebug.debugger import State
from bpdebug.errors import CommandError
from bpdebug.frontends.files import NEW, put
from bpdebug.frontends.folders import state_folder
from bpdebug.frontends.loop import as_typed
from bpdebug.frontends.served import served
from bpdebug.frontends.session.saved import Saved, SavedFork, SavedStop, restored
from bpdebug.limits import spell_bytes
from bpdebug.scenario.paths import reason
from bpdebug.translation import _, clauses

if sys.platform != "win32":
    import fcntl

TERMINAL, PIPE = "terminal", "pipe"
MOST_SESSIONS = 10
"""Sessions of one scenario that are kept, of each kind."""
MOST_BYTES = 2**24
"""Bytes of what one session leaves: more is neither written nor read."""
_FILE = re.compile(r"\d{20}-\d{1,10}-(?:terminal|pipe)\.(?:json|bpd|tmp)|\.bpdebug-\d{20}-\d{1,10}\.tmp")


def kind() -> str:
    """Whether a person sits before this process."""
    return TERMINAL if sys.stdin.isatty() else PIPE


class SessionStore:
    """Keeps one session. Where nothing can be written, `trouble` says why, and the session goes on without.

    One that is reached by a browser leaves nothing, and is offered nothing that others left.
    """

    def __init__(self, state: State, kind: str, *, fresh: bool = False) -> None:
        digest = state.scenario.digest
        self.folder = state_folder() / (digest[:32] if re.fullmatch("[0-9a-f]{64}", digest) else "unknown")
        self.stem = f"{time.time_ns():020d}-{os.getpid()}-{kind}"
        self.kind, self.trouble, self._told, self._apart = kind, "", False, served()
        self.name = state.scenario.name
        self.earlier: Path | None = None if fresh or self._apart else self._earlier()
        self._journal: int | None = None
        self._last = self._to_save(state)
        self._written = False

    # --- while the session goes on --------------------------------------------------------------------------------

    def complaint(self) -> str:
        """Why this session is not kept, once; '' where it is, or where that was said."""
        told, self._told = self._told, bool(self.trouble)
        return "" if told else self.trouble

    def typed(self, line: str) -> None:
        """A line that is about to be carried out; it is in the journal when this returns."""
        if self.trouble or self._apart:
            return
        try:
            if self._journal is None:
                self._prepare()
                self._journal = os.open(self.folder / f"{self.stem}.bpd", NEW, 0o600)
                _hold(self._journal)
                self._put(f"# bpdebug {__version__} session on {self.name!r}\n")
            self._put(as_typed(line) + "\n")
        except (OSError, ValueError) as error:
            self.trouble = _("this session is not kept: {folder}: {reason}").format(
                folder=self.folder, reason=reason(error)
            )

    def _put(self, text: str) -> None:
        assert self._journal is not None
        raw = text.encode("utf-8", "backslashreplace")
        while raw:
            raw = raw[os.write(self._journal, raw) :]

    def after(self, state: State) -> None:
        """The state behind a command that is about to be answered; what changed is kept when this returns.

        Raises CommandError (E_LIMIT) where it is more than is kept: the command is refused, and the state stays.
        """
        saved = self._to_save(state)
        if self.trouble or self._apart or saved == self._last:
            return
        raw = msgspec.json.encode(saved)
        if len(raw) > MOST_BYTES:
            message = f"stops, marks, displays and forks would come to {spell_bytes(len(raw))}"
            hint = f"{spell_bytes(MOST_BYTES)} of them are kept: make this shorter, or take others away"
            raise CommandError(message, code="E_LIMIT", hint=hint)
        try:
            self._prepare()
            if saved.words:
                put(self.folder / f"{self.stem}.json", raw, 0o600)
            else:  # nothing needs no file
                (self.folder / f"{self.stem}.json").unlink(missing_ok=True)
            self._written, self._last = True, saved
        except (OSError, ValueError) as error:
            self.trouble = _("this session is not kept: {folder}: {reason}").format(
                folder=self.folder, reason=reason(error)
            )

    def _to_save(self, state: State) -> Saved:
        return Saved(
            __version__,
            self.name,
            tuple(SavedStop(b.line, b.condition_text, b.ignore, b.enabled, b.commands) for b in state.breakpoints),
            tuple(d.text for d in state.displays),
            tuple((m.cursor, m.note) for m in state.marks),
            tuple(SavedFork(f.number, f.parent, f.cursor, f.line) for f in state.forks if f.number),
        )

    def _prepare(self) -> None:
        """The folder, for this user only; of what sessions left that are over only the newest stay."""
        if self._journal is not None or self._written:
            return
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        for ending in (f"{self.kind}.json", f"{self.kind}.bpd", ".tmp"):
            for path in self._files(ending)[: -MOST_SESSIONS + 1]:
                if not _is_held(path.with_suffix(".bpd")):
                    with contextlib.suppress(OSError):
                        path.unlink()

    def _files(self, ending: str) -> list[Path]:
        """What sessions of this scenario left under names that end so, the oldest first."""
        try:
            return sorted(p for p in self.folder.iterdir() if _FILE.fullmatch(p.name) and p.name.endswith(ending))
        except OSError:
            return []

    def close(self) -> None:
        """The end that the user wanted: the journal says so."""
        if self._journal is not None:
            with contextlib.suppress(OSError):
                self._put("# end\n")
            os.close(self._journal)
            self._journal = None

    # --- what earlier ones left -----------------------------------------------------------------------------------

    def offer(self) -> str:
        """One line about what an earlier session left, or ''."""
        lines = []
        if self.earlier is not None and (saved := _read(self.earlier)) is not None:
            lines.append(_("an earlier session left {what}: `restore` brings them back").format(what=saved.words))
        if not self._apart and (cut := self._cut()) is not None:
            said = _("the last session was cut off; what was typed is in {file}: `source` runs it again")
            lines.append(said.format(file=cut))
        return clauses(*lines)

    def _earlier(self) -> Path | None:
        """The newest session that is over and left something: of this kind, or else of the other."""
        for path in sorted(self._files(".json"), key=lambda p: (p.stem.endswith(self.kind), p.name), reverse=True):
            saved = None if _is_held(path.with_suffix(".bpd")) else _read(path)
            if saved is not None and saved.words:
                return path
        return None

    def _cut(self) -> Path | None:
        """The journal of the last session of this kind, if it has no end and is over."""
        journals = self._files(f"{self.kind}.bpd")
        try:
            if not journals or journals[-1].stem == self.stem or journals[-1].read_bytes().endswith(b"\n# end\n"):
                return None
        except OSError:
            return None
        return None if _is_held(journals[-1]) else journals[-1]

    def restore(self, state: State) -> tuple[State, str]:
        """The state with what the earlier session left added to it, and a sentence about it; E_COMMAND without one."""
        saved = None if self.earlier is None else _read(self.earlier)
        if saved is None or self.earlier is None:
            raise CommandError(
                "no earlier session of this scenario left anything",
                hint="sessions are kept by the content of the scenario's file: an edited file is another scenario",
            )  # fmt: skip
        made, lost = restored(state, saved)
        self.after(made)
        if self._written and not self.trouble and not lost:
            with contextlib.suppress(OSError):
                self.earlier.unlink()  # this session has it all now
        self.earlier = None
        said = [_("restored: {what}").format(what=saved.words)]
        return made, "\n".join([*said, *(_("not restored: {line}").format(line=line) for line in lost)])


def _hold(journal: int) -> None:
    """Locks a journal until it is closed or its process is gone, however that ends."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):  # some network disks know no locks
            fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_held(journal: Path) -> bool:
    """Whether the session of this journal goes on, in whichever process."""
    try:
        if sys.platform != "win32":
            with _opened(journal) as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _opened(path: Path) -> BinaryIO:
    """A file as it is here: no link is followed, and no pipe waited for."""
    return os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)), "rb")


def _read(path: Path) -> Saved | None:
    """What a session left; None where the file is damaged, or is none of ours."""
    try:
        with _opened(path) as file:
            return msgspec.json.decode(file.read(MOST_BYTES + 1), type=Saved)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
