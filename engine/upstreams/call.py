"""The input and the output of an upstream."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from engine.dialects.account_ids import AccountId, named_in
from engine.dialects.translation import View
from engine.dialects.translators import view_of
from engine.ledger import Attempt, Trace
from engine.skips import Journey
from engine.spec import DeploymentSpec, OwnKey, RetryPolicy
from engine.upstreams.estimates import ForwardedEvents
from engine.upstreams.kept import Continued, Holding, Kept
from engine.upstreams.tokens import Usage
from engine.upstreams.uploads import Upload

__all__ = ["Answer", "Call", "Endpoint", "Stream", "Upstream", "Usage"]

Endpoint = Literal[
    "chat/completions",
    "responses",
    "messages",
    "embeddings",
    "completions",
    "moderations",
    "rerank",
    "images/generations",
    "audio/speech",
    "audio/transcriptions",
    "audio/translations",
]
CHAT: Endpoint = "chat/completions"
# Sound to text: their requests are forms with a file.
TRANSCRIPTS: tuple[Endpoint, ...] = ("audio/transcriptions", "audio/translations")
# Only servers with OpenAI's own protocol answer these, and in their own words.
UNTRANSLATED: frozenset[Endpoint] = frozenset(
    {"completions", "moderations", "rerank", "images/generations", "audio/speech", *TRANSCRIPTS}
)
# Doors whose requests a chat upstream can answer, as they are or translated.
CHATS: frozenset[Endpoint] = frozenset({CHAT, "responses", "messages"})


@dataclass(slots=True)
class Call:
    """One downstream request on its way. `body` is the client's JSON, `chat` the same as a chat request; `model` in it
    is replaced per attempt.

    `upstream` replaces the real upstream (a mock test, a rehearsal); `tokens` are the context and output tokens of a
    rehearsed answer. `own_keys` are the caller's own keys by provider id; `refused_keys` are the errors of providers
    that refused them, which are not asked with them again. `last_error` is that of the last attempt, `depth` the number
    of tiers in the groups before. `may_use` says whether the caller may use a fallback group; `journey` is the route of
    the request, `asked` the deployment of the last attempt. By group and deployment: `waits_until` is the time from
    Retry-After (Unix seconds), `used_up` are those without quota. `leaves_filtered`: a stream that is blocked before
    any content fails, because there are content policy groups. `budget_s` is the time of the whole request;
    `headers` are the client's that may go to providers. `free_in_s` says after a failure when asking again may help,
    where the core has routed it. `is_collected`: its stream becomes a whole answer before the caller sees it;
    `was_translated`: the client's request was another one.
    `prepared` keeps translations for upstreams, by what they are for. `conversation` names the one that it belongs to,
    where its group keeps conversations in one place. `may_be_kept`: an upstream may keep the answer, if the client
    wishes; `source` is what the request goes on from, if it is kept somewhere, and `held` says where items that it
    repeats by their ids are, those of the caller. `prefers` is the deployment that is asked first for their sake.
    `shares_accounts`: all callers may use what operators have put into providers' accounts. `upload` is the form that
    the client sent; `body` has its texts then. `watch` is told of the chat stream that is translated for its client.
    `traceparent` gives what the upstream of an attempt, counted from 1, is told of the trace.
    """

    endpoint: Endpoint
    body: dict[str, Any]
    trace: Trace
    is_stream: bool = False
    upstream: Upstream | None = None
    tokens: tuple[int, int] | None = None
    own_keys: Mapping[str, OwnKey] = field(default_factory=dict)
    refused_keys: dict[str, Exception] = field(default_factory=dict)
    last_error: Exception | None = None
    depth: int = 0
    may_use: Callable[[str], bool] | None = None
    waits_until: dict[tuple[str, str], float] = field(default_factory=dict)
    used_up: set[tuple[str, str]] = field(default_factory=set)
    leaves_filtered: bool = False
    journey: Journey = field(default_factory=Journey)
    asked: DeploymentSpec | None = None
    budget_s: float = math.inf
    free_in_s: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_collected: bool = False
    was_translated: bool = False
    prepared: dict[str, Any] = field(default_factory=dict, repr=False)
    conversation: str = ""
    upload: Upload | None = None
    watch: Callable[[Stream], None] | None = field(default=None, repr=False)
    traceparent: Callable[[int], str] | None = field(default=None, repr=False)
    may_be_kept: bool = False
    source: Continued | None = None
    held: Mapping[str, Holding] = field(default_factory=dict)
    prefers: str = ""
    shares_accounts: bool = False
    _named: tuple[AccountId | None] | None = field(default=None, repr=False)
    _view: View | None = field(default=None, repr=False)

    @property
    def is_chat(self) -> bool:
        """Whether a chat upstream can answer it."""
        return self.endpoint in CHATS

    @property
    def is_translated(self) -> bool:
        """Whether what a chat upstream is asked is our translation of the client's request."""
        return self.was_translated or (self.endpoint != CHAT and self.is_chat)

    @property
    def needs_own_key(self) -> AccountId | None:
        """What it names in a provider's account, where only the caller's own may be meant."""
        if self._named is None:
            self._named = (named_in(self.endpoint, self.body),)
        [named] = self._named
        return None if named is not None and self.shares_accounts and not named.is_of_callers else named

    @property
    def service(self) -> str:
        """What an upstream has to have for it: the endpoint, and one and the same for all doors to a chat."""
        return CHAT if self.is_chat else self.endpoint

    @property
    def chat(self) -> dict[str, Any]:
        """The request as a chat request, or as it is where it is no chat; raises Malformed when first read."""
        return self.body if self.endpoint == CHAT else self.view.chat

    @property
    def view(self) -> View:
        """The request as its door's translator sees it; raises Malformed."""
        if self._view is None:
            self._view = view_of(self.endpoint, self.body)
        return self._view

    @property
    def shows_usage(self) -> bool:
        """Whether the usage in a stream is shown to who reads it."""
        return self.is_collected or self.wants_usage

    @property
    def wants_usage(self) -> bool:
        """Whether the client of a stream requested usage."""
        return bool((self.chat.get("stream_options") or {}).get("include_usage"))


@dataclass(slots=True)
class Answer:
    """A whole answer: the upstream's JSON (or audio), its usage, headers of the upstream for the client, and what the
    upstream keeps of it."""

    body: bytes
    deployment: DeploymentSpec
    usage: Usage | None = None
    is_content_filtered: bool = False
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One of the streams that an answer was put together from."""

    usage: Usage
    deployment: DeploymentSpec

    @property
    def cost_usd(self) -> float | None:
        return self.usage.cost_usd(self.deployment)


def cost_of(usage: Usage | None, deployment: DeploymentSpec | None, parts: tuple[Part, ...] = ()) -> float | None:
    """The cost of an answer in US dollars, of all its parts if it has any; None if tokens or a price are unknown."""
    if parts:
        costs = [part.cost_usd for part in parts]
        return None if None in costs else sum(cost for cost in costs if cost is not None)
    return usage.cost_usd(deployment) if usage and deployment else None


LAST_EVENTS = (b"data: [DONE]\n\n", b"data:[DONE]\n\n")
StreamEnd = Callable[[BaseException | None], Awaitable[None]]


class Rescuing(Protocol):
    """Goes on with a stream that breaks."""

    def add(self, piece: bytes) -> None:
        """The caller gets this piece."""
        ...

    async def go_on(self, error: Exception, passed: ForwardedEvents) -> AsyncGenerator[bytes]:
        """The events that follow, or the stream's error; `passed` are those before the first break."""
        ...

    def end(self) -> None:
        """The stream has ended."""
        ...


@dataclass(slots=True)
class Stream:
    """A stream whose first event has arrived. Iterating gives whole SSE events as bytes, the last included.

    The upstream that reads it sets `events`. `usage` is set when the upstream has sent it, and estimated (from `asked`,
    the chat request, and the forwarded events) if the stream ended without it. `is_complete` is true after the last
    event: a caller who leaves then has everything. `on_end` is awaited exactly once, after that, with the error that
    ended the stream, or None; an `asyncio.CancelledError` or `GeneratorExit` means that the caller left. `last_events`
    are the ends of the last event, where the upstream does not set `is_complete` itself. `fail` makes the one error of
    a stream that broke, from message, type and code, where chat's is not the client's.
    `headers` are the upstream's for the client. `kind` is the content type where its pieces are no events: it has no
    words for an error then, and a stream that broke is cut. `parts` are those of a stream that was rescued;
    `deployment` and `usage` are then the last one's deployment and the sum. `kept_so_far` says what the upstream keeps
    of it. `rescuer` has the events that follow those of a stream that breaks.
    """

    deployment: DeploymentSpec
    usage: Usage | None = None
    events: AsyncGenerator[bytes] = field(init=False, repr=False)
    is_complete: bool = False
    on_end: StreamEnd | None = field(default=None, repr=False)
    asked: Mapping[str, Any] = field(default_factory=dict, repr=False)
    last_events: tuple[bytes, ...] = field(default=LAST_EVENTS, repr=False)
    fail: Callable[[str, str, str | None], bytes] | None = field(default=None, repr=False)
    headers: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    kind: bytes = b""
    parts: tuple[Part, ...] = field(default=(), repr=False)
    kept_so_far: Callable[[], Kept | None] | None = field(default=None, repr=False)
    rescuer: Rescuing | None = field(default=None, repr=False)

    @property
    def kept(self) -> Kept | None:
        """What the upstream keeps of it, as far as it has come."""
        return None if self.kept_so_far is None else self.kept_so_far()

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        error: BaseException | None = None
        passed, events, rescuer = ForwardedEvents(), self.events, self.rescuer
        try:
            while True:
                try:
                    async with aclosing(events):
                        async for event in events:
                            self.is_complete = self.is_complete or event.endswith(self.last_events)
                            passed.add(event)
                            if rescuer is not None:
                                rescuer.add(event)
                            yield event
                    break
                except Exception as broken:
                    if rescuer is None:
                        raise
                    events = await rescuer.go_on(broken, passed)
        except BaseException as stopped:
            error = None if self.is_complete else stopped
            raise
        finally:
            if rescuer is not None:
                rescuer.end()
                self.rescuer = None  # it has this stream: a circle would wait for the garbage collector
            self.usage = self.usage or passed.usage(self.asked)
            on_end, self.on_end = self.on_end, None
            if on_end is not None:
                await on_end(error)


class Upstream(Protocol):
    """Anything that can answer one attempt; raises UpstreamFailure, within the policy's time limits."""

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream: ...


class FrankUpstream(Upstream, Protocol):
    """One that says before it is asked what it would leave out of a request."""

    def dropped(self, call: Call, deployment: DeploymentSpec) -> tuple[str, ...]: ...
