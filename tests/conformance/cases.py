"""The table: what is asked, what the upstream does, and what of it the client must see."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import permutations

from tests.conformance.words import (
    PNG,
    Heard,
    Question,
    Reply,
    ToolCall,
    called,
    failed,
    picture,
    plain,
    result,
    said,
)

DOORS = ("chat", "responses", "messages")
DIALECTS = ("chat", "responses", "messages", "litellm")
READ_FILE = ToolCall("read_file", '{"path": "notes/ä.md"}')
TWO = (ToolCall("read_file", '{"path": "a"}', "call_a"), ToolCall("write_file", '{"path": "b"}', "call_b"))
TOOLS = ("read_file", "write_file")
USER = said("user", "ping")
CALLED = (USER, called("call_a", "read_file", '{"path": "a"}'), result("call_a", "forty-two"))
CALLED_TWICE = (
    USER,
    said("assistant", "I look."),
    called("call_a", "read_file", '{"path": "a"}'),
    called("call_b", "write_file", '{"path": "b"}'),
    result("call_a", "forty-two"),
    result("call_b", ""),
    said("user", "And now?"),
)
URL = "https://images.example.com/a.png"
UNICODE = ("Grüße, 世", "界 ", "👩‍👩‍👧", "\u2028 end")


@dataclass(frozen=True)
class Case:
    """One row: `act` is what the upstream does, `raw` how its bytes come. `heard` is what any client must see of it,
    else the reply. `streams`: plain, streamed, or both; `doors`: those that have a word for it."""

    name: str
    question: Question = field(default_factory=Question)
    reply: Reply = field(default_factory=Reply)
    act: str = "answers"
    raw: str = ""
    streams: tuple[bool, ...] = (False, True)
    doors: tuple[str, ...] = ("chat", "responses", "messages")
    heard: Heard | None = None

    def expected(self, door: str, *, is_stream: bool) -> Heard:
        """What a client must see, in the words of its door's library."""
        if self.heard is not None:
            return replace(self.heard, error=ERRORS[door].get(self.heard.error, self.heard.error))
        reply = self.reply
        end = "tools" if reply.calls and reply.end == "stop" else reply.end
        calls = tuple((call.name, plain(call.arguments)) for call in reply.calls)
        return Heard(reply.text, calls, reply.thought, end, (reply.read, reply.cached, reply.wrote))


# The class that each library raises; inside a stream there is no status to make one of.
KNOWN = {
    "limit": "RateLimitError",
    "server": "InternalServerError",
    "late": "InternalServerError",
    "request": "BadRequestError",
}
ERRORS = {
    "chat": {**KNOWN, "broken": "APIError"},
    "responses": {**KNOWN, "broken": "response.failed server_error"},
    "messages": {**KNOWN, "late": "GatewayTimeoutError", "broken": "APIStatusError"},
}
STREAMED, PLAIN = (True,), (False,)
THINKS = Question(thinks=True)
BROKEN = Heard(text="po", error="broken")
CASES = (
    Case("a text"),
    Case("a system prompt and turns", Question((USER, said("assistant", "pong"), said("user", "again")), "Be brief.")),
    Case("a tool is called", Question(tools=TOOLS), Reply((), (READ_FILE,))),
    Case("a tool has to be called", Question(tools=TOOLS, must=True), Reply((), (READ_FILE,))),
    Case("a text before the call", Question(tools=TOOLS), Reply(("I ", "look."), (READ_FILE,))),
    Case("parallel calls", Question(tools=TOOLS), Reply((), TWO)),
    Case("a call without arguments", Question(tools=TOOLS), Reply((), (ToolCall("read_file", "{}"),))),
    Case("the result of a tool", Question(CALLED, tools=TOOLS)),
    Case("results of parallel calls, one empty", Question(CALLED_TWICE, tools=TOOLS)),
    Case("instructions in mid-conversation", Question((USER, said("system", "In French."), said("user", "again")))),
    Case("instructions at the end", Question((USER, said("assistant", "pong"), said("system", "Go on.")))),
    Case("a result that is an error", Question((*CALLED[:2], failed("call_a", "no such file")), tools=TOOLS)),
    Case("stop sequences", Question(stops=("END", "###")), doors=("chat", "messages")),
    Case("a schema", Question(has_schema=True), Reply(('{"word": ', '"pong"}'))),
    Case("a picture by its data", Question((said("user", "what?"), picture(f"data:image/png;base64,{PNG}")))),
    Case("a picture by its address", Question((said("user", "what?"), picture(URL)))),
    Case("reasoning", THINKS, Reply(thought="I think of it.")),
    Case("reasoning before a call", replace(THINKS, tools=TOOLS), Reply((), (READ_FILE,), "I think of it.")),
    Case("an answer cut at the limit", Question(limit=16), Reply(end="length")),
    Case("an answer that a filter ended", reply=Reply(end="filter")),
    Case("cached tokens", reply=Reply(read=2000, cached=1536, wrote=7)),
    Case("letters of all kinds", reply=Reply(UNICODE)),
    Case("letters cut between two reads", reply=Reply(UNICODE), raw="bytes", streams=STREAMED),
    Case("lines that end in CR LF", raw="crlf", streams=STREAMED),
    Case("comments between events", raw="comments", streams=STREAMED),
    Case("unknown events", raw="unknown", streams=STREAMED),
    Case("one read for all events", raw="together", streams=STREAMED),
    Case("an event of 300 kB", reply=Reply(("po", "x" * 300_000)), streams=STREAMED),
    Case(
        "an error inside the stream, at once", act="error0", streams=STREAMED, heard=Heard(status=500, error="server")
    ),
    Case("an error inside the stream", act="error", streams=STREAMED, heard=BROKEN),
    Case("a stream that is cut", act="cut", streams=STREAMED, heard=BROKEN),
    Case("a stream that ends too early", act="ends", streams=STREAMED, heard=BROKEN),
    Case("a stream that is cut at once", act="cut0", streams=STREAMED, heard=Heard(status=502, error="server")),
    Case("a stream that falls silent", act="stall", streams=STREAMED, heard=BROKEN),
    Case("no answer", act="mute", heard=Heard(status=504, error="late")),
    Case("a wrong key", act="401", heard=Heard(status=502, error="server")),
    Case("a limit", act="429", heard=Heard(status=429, error="limit")),
    Case("an error of the server", act="500", heard=Heard(status=500, error="server")),
    Case("a request that is too long", act="400", heard=Heard(status=400, error="request")),
)


@dataclass(frozen=True)
class Hole:
    """What a dialect can't do of these cases: fields of the question that do not arrive, but are reported under the
    names of `dropped`, one for each door; or `is_uncounted`: the client has an estimate instead of tokens."""

    dialect: str
    case: str
    why: str
    lost: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ("", "", "")
    is_uncounted: bool = False


# An effort in the words of each door.
EFFORTS = ("reasoning_effort", "reasoning.effort", "thinking")
HOLES = (
    Hole("responses", "stop sequences", "Responses has none.", ("stops",), ("stop", "", "stop_sequences")),
    Hole("litellm", "reasoning", "LiteLLM knows no effort there.", ("thinks",), EFFORTS),
    Hole("litellm", "reasoning before a call", "The same.", ("thinks",), EFFORTS),
    Hole(
        "litellm",
        "comments between events",
        "LiteLLM stops to read when a comment follows the last text.",
        is_uncounted=True,
    ),
)


@dataclass(frozen=True)
class Cell:
    """A case of one door at one dialect; `then` is that of a second deployment, which answers when the first fails."""

    door: str
    dialect: str
    case: Case
    is_stream: bool
    then: str = ""

    @property
    def name(self) -> str:
        """As the tests are called."""
        over = f"{self.dialect}, then {self.then}" if self.then else self.dialect
        return f"{self.door} over {over}: {self.case.name}{', streamed' if self.is_stream else ''}"

    @property
    def ends_well(self) -> bool:
        """Whether the client gets an answer."""
        return bool(self.then) or self.case.act == "answers"

    @property
    def second(self) -> Cell:
        """What the second deployment does."""
        return replace(self, dialect=self.then, case=replace(self.case, act="answers"))

    @property
    def hole(self) -> Hole | None:
        """What is missing here."""
        here = (self.dialect, self.case.name)
        return next((hole for hole in HOLES if (hole.dialect, hole.case) == here), None)

    @property
    def reported(self) -> str:
        """What the client is told to be missing."""
        return self.hole.dropped[DOORS.index(self.door)] if self.hole else ""

    @property
    def arrives(self) -> Question:
        """The question that the upstream must get."""
        lost = self.hole.lost if self.hole else ()
        return replace(self.case.question, **{name: getattr(Question(), name) for name in lost})


CELLS = [
    Cell(door, dialect, case, is_stream)
    for door in DOORS
    for dialect in DIALECTS
    for case in CASES
    for is_stream in case.streams
    if door in case.doors
]

# The first deployment fails, at once or behind the first events of its stream; one of another dialect answers.
LOOP = Question((*CALLED, said("assistant", "42."), said("user", "And b?")), "Be brief.", TOOLS, thinks=True)
FAILING = (
    Case("a tool loop after an error", LOOP, Reply(("Now ", "b."), TWO, "I go on."), "500"),
    Case("a tool loop after a stream broke", LOOP, Reply(("Now ", "b."), TWO, "I go on."), "error0", streams=STREAMED),
)
CELLS += [
    Cell(door, first, case, is_stream, then)
    for door in DOORS
    for first, then in permutations(("chat", "responses", "messages"), 2)
    for case in FAILING
    for is_stream in case.streams
]
