"""One session with one client: requests answered in order, the engine in this thread, the wire read in another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from bpdebug.debugger import State
from bpdebug.errors import BpdebugError, CommandError, InputError, did_you_mean, shown
from bpdebug.frontends.dap.arguments import ClientAsked, LaunchAsked, NothingAsked
from bpdebug.frontends.dap.handles import Handles
from bpdebug.frontends.dap.progress import Progress
from bpdebug.frontends.dap.stops import Stopping
from bpdebug.frontends.dap.users import Users
from bpdebug.frontends.dap.wire import Request, Wire
from bpdebug.frontends.loop import Answer, refuse, replies
from bpdebug.frontends.scripts.replay import CarriedOut, Run, sourcing
from bpdebug.frontends.scripts.requests import FileRequests
from bpdebug.progress import Stopped, listening

Body = dict[str, Any]


class Answering(Struct, frozen=True):
    """A request that is known: what its arguments are, and what answers it."""

    arguments: type[Struct]
    run: Callable[[Adapter, Any], Body | None]


REQUESTS: dict[str, Answering] = {}
"""Every request that is answered, by its name in the protocol; the modules of this package put theirs here."""
Handler = TypeVar("Handler", bound=Callable[..., Body | None])


def request(name: str, arguments: type[Struct] = NothingAsked) -> Callable[[Handler], Handler]:
    """Put a function into the table: given the adapter and the arguments, it gives the body of the answer."""

    def put(run: Handler) -> Handler:
        REQUESTS[name] = Answering(arguments, run)
        return run

    return put


class Inbox:
    """Requests as they come in, read in a thread of their own, so that what runs can be interrupted.

    `interrupted` is set by those that want it to end; `waiting` has them in their order, behind them None, where the
    client has gone, or the error that ended the wire.
    """

    ENDING = ("pause", "terminate", "disconnect")

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.waiting: SimpleQueue[Request | InputError | None] = SimpleQueue()
        self.interrupted = threading.Event()
        self.cancelled: set[int] = set()
        self.current = 0
        threading.Thread(target=self._listen, daemon=True, name="requests").start()

    def _listen(self) -> None:
        asked: Request | InputError | None
        while True:
            try:
                asked = self._wire.read()
            except InputError as error:
                asked = error
            except (OSError, ValueError):  # the stream is closed
                asked = None
            if isinstance(asked, Request):
                self._heed(asked)
            else:
                self.interrupted.set()
            self.waiting.put(asked)
            if not isinstance(asked, Request):
                return

    def _heed(self, asked: Request) -> None:
        """What is to interrupt does so at once; it is answered in its turn."""
        if asked.command in self.ENDING:
            self.interrupted.set()
        elif asked.command == "cancel":
            try:
                meant = msgspec.json.decode(asked.arguments)
                number = meant.get("requestId", self.current)
                self.cancelled.add(int(number))
            except (msgspec.MsgspecError, ValueError, TypeError, AttributeError, RecursionError):
                return  # its answer says what is wrong with it
            if number == self.current:
                self.interrupted.set()

    def stop(self) -> None:
        """Raises Stopped where somebody wants what runs to end."""
        if self.interrupted.is_set():
            raise Stopped


class Adapter:
    """`state` is the session's; None until a scenario is open. `files` says whether the console may write files."""

    def __init__(self, wire: Wire, *, files: bool) -> None:
        self.wire, self.inbox = wire, Inbox(wire)
        self.client = ClientAsked()
        self.state: State | None = None
        self.launched: LaunchAsked | None = None
        self.script: Run | None = None
        self.lines: Iterator[CarriedOut] = iter(())
        self.pending: Request | None = None
        self.stops, self.handles, self.users = Stopping(), Handles(), Users({}, (), {})
        self.over = self.interrupted = False
        self.told_stops = 0
        self._asked = Request(0, "")
        self._answered = True
        self._requests = FileRequests() if files else None
        if self._requests is not None:
            self._requests.handlers["source"] = sourcing(self._requests)

    # --- requests

    def serve(self) -> None:
        """Answers until the client goes or asks for the end; InputError for what is no message."""
        while not self.over:
            asked = self.inbox.waiting.get()
            if asked is None:
                return
            if isinstance(asked, InputError):
                raise asked
            self.inbox.current = asked.seq
            if asked.command in (*Inbox.ENDING, "cancel"):
                self.inbox.interrupted.clear()
            self._carry_out(asked)
            self.inbox.current = 0

    def _carry_out(self, asked: Request) -> None:
        self._asked, self._answered = asked, False
        try:
            if asked.seq in self.inbox.cancelled:
                raise CommandError("cancelled")
            row = REQUESTS.get(asked.command)
            if row is None:
                raise CommandError(f"no request '{shown(asked.command)}'", hint=did_you_mean(asked.command, REQUESTS))
            body = row.run(self, self.decoded(asked.arguments, row.arguments))
            if not self._answered:
                self.answer(body)
        except BpdebugError as error:
            self._refused(error)
        except Stopped:
            if self._answered:
                self.interrupted = True  # whoever did it is answered next, and then told where all stands
            else:
                self._refused(CommandError("cancelled"))

    @staticmethod
    def decoded(given: msgspec.Raw, kind: type[Struct]) -> Any:
        """Arguments of a kind, null being none of them; CommandError where a field is missing or of a wrong type."""
        try:
            return msgspec.json.decode(b"{}" if bytes(given) == b"null" else given, type=kind)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise CommandError(f"the arguments: {shown(error, 200)}") from None

    def answer(self, body: Body | None = None) -> None:
        """The answer to the request that is carried out; what goes on after it is told by events."""
        self._answered = True
        self._grant(self._asked, body)

    def _grant(self, asked: Request, body: Body | None = None) -> None:
        """A good answer; one that says no more has no body: clients in Rust take an empty one for a wrong one."""
        more = {"body": body} if body else {}
        self.wire.send("response", request_seq=asked.seq, success=True, command=asked.command, **more)

    def answer_moving(self, body: Body | None = None) -> None:
        """The answer to what moves, which comes before the motion; CommandError where nothing is open."""
        if self.session is not None:
            self.answer(body)

    def answer_later(self) -> None:
        """The request that is carried out is answered with `answer_pending`."""
        self.pending, self._answered = self._asked, True

    def answer_pending(self) -> None:
        """The answer that was put off."""
        if self.pending is not None:
            asked, self.pending = self.pending, None
            self._grant(asked)

    def _refused(self, error: BpdebugError) -> None:
        if self._answered:  # something went wrong on the way: nobody waits for an answer, but for the next stop
            self.say(f"{error}\n", "stderr")
            self.event("stopped", reason="pause", description=error.message, threadId=1, allThreadsStopped=True)
            return
        asked, place = self._asked, f"{error.where}: " if error.where else ""
        text = f"{error.code} {place}{error.message}" + (f" ({error.hint})" if error.hint else "")
        told = {"id": 1, "format": text, "showUser": asked.command in ("launch", "attach")}
        self.wire.send(
            "response", request_seq=asked.seq, success=False, command=asked.command, message=error.message,
            body={"error": told},
        )  # fmt: skip

    def event(self, name: str, **body: Any) -> None:
        """Something that the client did not ask for."""
        self.wire.send("event", event=name, body=body)

    def told_progress(self, name: str, **body: Any) -> None:
        """An event of progress, for a client that wants to hear of it."""
        if self.client.supports_progress_reporting:
            self.event(name, **body)

    def say(self, text: str, category: str = "console") -> None:
        """Text for the debug console."""
        self.event("output", category=category, output=text)

    # --- the session

    @property
    def session(self) -> State:
        """The state; CommandError where nothing is open."""
        if self.state is None:
            raise CommandError("nothing is open yet", hint='launch: {"program": "two_layer"}')
        return self.state

    def do(self, line: str) -> list[Answer]:
        """A line of the debugger's language; what tracepoints print is told at once. Raises BpdebugError, Stopped."""
        answers: list[Answer] = []
        handle = refuse if self._requests is None else self._requests.handle
        with (
            Progress(line, self.inbox.current, self.told_progress) as progress,
            listening(progress.heard, self.inbox.stop),
        ):
            for answer in replies(self.session, line, handle):
                answers.append(answer)
                self.state = answer.state
                if answer.state.printed:
                    self.say("".join(f"{text}\n" for text in answer.state.printed), "stdout")
        return answers
