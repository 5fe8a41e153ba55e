"""Faults of an upstream: each is data plus one method that applies it to an attempt.

Target, probability and window of a fault are in `targets.TargetedFault`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Protocol

from engine.exceptions import BadInput
from engine.faults.fates import (
    BROKEN_AFTER_S,
    Broken,
    ErrorEvent,
    Exposure,
    Fate,
    Malformed,
    Redirected,
    Refusal,
    Silence,
    Trouble,
)
from engine.fields import WEEK_S, Between, Share
from engine.rehearsal.capacity import Capacity

MINUTE_S = 60.0
RetryAfter = Annotated[float, Between(0, 3600)]
Factor = Annotated[float, Between(1, 1000)]
After = Annotated[float, Between(0, 3600)]
PerMillion = Annotated[float, Between(0, 1_000_000)]
Status = Annotated[int, Between(400, 599)]
PerMinute = Annotated[int, Between(1, 1_000_000_000)]
Down = Literal["unavailable", "refused"]


class Fault(Protocol):
    """`strike` is called for attempts that match the fault's target, window and probability."""

    kind: ClassVar[str]

    def strike(self, fate: Fate, exposure: Exposure) -> None: ...


@dataclass(frozen=True, slots=True)
class ServerError:
    """The upstream answers with a server error, with or without Retry-After."""

    kind: ClassVar[str] = "server_error"
    status: Literal[500, 502, 503] = 503
    retry_after_s: RetryAfter | None = None

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        if fate.trouble is None:
            message = f"Rehearsed: the server failed with {self.status}."
            fate.trouble = Refusal(self.status, message, self.retry_after_s)


@dataclass(frozen=True, slots=True)
class ErrorStatus:
    """The upstream answers with any HTTP error, after `after_s` if given: a slow refusal."""

    status: Status
    kind: ClassVar[str] = "error"
    retry_after_s: RetryAfter | None = None
    after_s: After | None = None

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        if fate.trouble is None:
            message = f"Rehearsed: it failed with {self.status}."
            fate.trouble = Refusal(self.status, message, self.retry_after_s, self.after_s)


@dataclass(frozen=True, slots=True)
class NoCredit:
    """The account has no money left: 429, and no wait helps."""

    kind: ClassVar[str] = "no_credit"

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        # The gateway recognises this error by these words.
        fate.trouble = fate.trouble or Refusal(429, "Rehearsed: your credit balance is too low.")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """429 by chance, with or without Retry-After; see `Quota` for a limit that is counted."""

    kind: ClassVar[str] = "rate_limit"
    retry_after_s: RetryAfter | None = None

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        fate.trouble = fate.trouble or Refusal(429, "Rehearsed: too many requests.", self.retry_after_s)


@dataclass(frozen=True, slots=True)
class Quota:
    """At most this many requests and tokens in each minute of the run; 429 until the next minute.

    Refused requests are not counted.
    """

    kind: ClassVar[str] = "quota"
    rpm: PerMinute | None = None
    tpm: PerMinute | None = None

    def __post_init__(self) -> None:
        if self.rpm is None and self.tpm is None:
            raise BadInput("rpm", "Give rpm, tpm or both.")

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        if fate.trouble:
            return
        if exposure.minute != (minute := int(fate.at_s / MINUTE_S)):
            exposure.minute, exposure.requests, exposure.tokens = minute, 0, 0
        requests, tokens = exposure.requests + 1, exposure.tokens + fate.input_tokens + fate.output_tokens
        if (self.rpm and requests > self.rpm) or (self.tpm and tokens > self.tpm):
            wait_s = math.ceil((minute + 1) * MINUTE_S - fate.at_s)
            fate.trouble = Refusal(429, "Rehearsed: the quota of this minute is used up.", wait_s)
        else:
            exposure.requests, exposure.tokens = requests, tokens


@dataclass(frozen=True, slots=True)
class Timeout:
    """Never answers: the group's own time limit ends the attempt."""

    kind: ClassVar[str] = "timeout"

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        fate.trouble = fate.trouble or Silence()


@dataclass(frozen=True, slots=True)
class ConnectionRefused:
    """No server listens."""

    kind: ClassVar[str] = "connection_refused"

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        fate.trouble = fate.trouble or Broken("connection failed (Connection refused)")


@dataclass(frozen=True, slots=True)
class ConnectionReset:
    """The server takes the request, and closes the connection without an answer after `after_s`."""

    kind: ClassVar[str] = "connection_reset"
    after_s: After = BROKEN_AFTER_S

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        fate.trouble = fate.trouble or Broken("connection failed (the server closed the connection)", self.after_s)


@dataclass(frozen=True, slots=True)
class MalformedAnswer:
    """200 with a body that is no answer: a web page, half of a JSON, no stream where one was asked for."""

    kind: ClassVar[str] = "malformed"

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        fate.trouble = fate.trouble or Malformed()


@dataclass(frozen=True, slots=True)
class Redirect:
    """The address has moved: a redirect, which is not followed."""

    kind: ClassVar[str] = "redirect"
    status: Literal[301, 302, 303, 307, 308] = 307

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        fate.trouble = fate.trouble or Redirected(self.status)


@dataclass(frozen=True, slots=True)
class Unauthorised:
    """The key is revoked or wrong."""

    kind: ClassVar[str] = "unauthorised"

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        fate.trouble = fate.trouble or Refusal(401, "Rehearsed: the key is not valid.")


@dataclass(frozen=True, slots=True)
class ContextTooLong:
    """Refuses requests whose context is longer than `limit_tokens`."""

    limit_tokens: Annotated[int, Between(1, 100_000_000)]
    kind: ClassVar[str] = "context_too_long"

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        if fate.input_tokens > self.limit_tokens:
            fate.trouble = fate.trouble or too_long(self.limit_tokens)


@dataclass(frozen=True, slots=True)
class ContentFilter:
    """The provider's safety system blocks the prompt with an error, or the answer with 200 and an empty text."""

    kind: ClassVar[str] = "content_filter"
    blocks: Literal["prompt", "answer"] = "prompt"

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        if self.blocks == "answer":
            fate.is_filtered = True
            return
        # LiteLLM recognises this error by these words.
        words = "Rehearsed: your request was rejected as a result of the safety system."
        fate.trouble = fate.trouble or Refusal(400, words)


@dataclass(frozen=True, slots=True)
class Slow:
    """Everything takes `factor` times as long, and the first token `extra_ms` longer."""

    kind: ClassVar[str] = "slow"
    factor: Factor = 1.0
    extra_ms: Annotated[float, Between(0, 3_600_000)] = 0.0

    def __post_init__(self) -> None:
        if self.factor == 1 and not self.extra_ms:
            raise BadInput("factor", "Give a factor above 1, extra_ms or both.")

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        fate.first_token_s = fate.first_token_s * self.factor + self.extra_ms / 1000
        fate.output_s *= self.factor


@dataclass(frozen=True, slots=True)
class StreamCut:
    """A stream breaks after a share of its tokens."""

    kind: ClassVar[str] = "stream_cut"
    after_share: Share = 0.5

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        if fate.is_stream and fate.breaks_at is None:
            fate.breaks_at = self.after_share


@dataclass(frozen=True, slots=True)
class ToolCallCut:
    """A stream breaks in the middle of a tool call's arguments, after a share of its tokens: nobody can go on there."""

    kind: ClassVar[str] = "tool_call_cut"
    after_share: Share = 0.5

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        if fate.is_stream and fate.breaks_at is None:
            fate.breaks_at, fate.has_call = self.after_share, True


@dataclass(frozen=True, slots=True)
class StreamStall:
    """A stream stalls after a share of its tokens and does not end."""

    kind: ClassVar[str] = "stream_stall"
    after_share: Share = 0.5

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        if fate.is_stream and fate.breaks_at is None:
            fate.breaks_at, fate.is_stalled = self.after_share, True


@dataclass(frozen=True, slots=True)
class StreamError:
    """An error comes inside a stream, after a share of its tokens, with a status in it or without."""

    kind: ClassVar[str] = "stream_error"
    after_share: Share = 0.5
    status: Status | None = None

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        if fate.is_stream and fate.breaks_at is None:
            fate.breaks_at, fate.says = self.after_share, ErrorEvent(self.status)


@dataclass(frozen=True, slots=True)
class EmptyStream:
    """A stream ends before its first content."""

    kind: ClassVar[str] = "empty_stream"

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        if fate.is_stream:
            fate.trouble = fate.trouble or Broken("the stream ended before its first content", is_late=True)


@dataclass(frozen=True, slots=True)
class Outage:
    """The whole provider is down: it answers 503, or refuses the connection.

    A probability below 1 makes it a partial outage.
    """

    kind: ClassVar[str] = "outage"
    answers: Down = "unavailable"

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        fate.trouble = fate.trouble or DOWN[self.answers]


@dataclass(frozen=True, slots=True)
class Flapping:
    """Down for the first `down_s` of every `period_s`, counted from the window's start."""

    period_s: Annotated[float, Between(0.01, WEEK_S)]
    down_s: Annotated[float, Between(0.001, WEEK_S)]
    kind: ClassVar[str] = "flapping"
    answers: Down = "unavailable"

    def __post_init__(self) -> None:
        if self.down_s > self.period_s:
            raise BadInput("down_s", "It can't be down for longer than period_s.")

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        # In whole microseconds, because 0.3 % 0.1 is not 0 in floats.
        if round(exposure.since_s * 1e6) % round(self.period_s * 1e6) < round(self.down_s * 1e6):
            fate.trouble = fate.trouble or DOWN[self.answers]


@dataclass(frozen=True, slots=True)
class Degradation:
    """Gets worse evenly from the window's start to its end, up to `factor` times as slow and `error_rate` 503s."""

    kind: ClassVar[str] = "degradation"
    factor: Factor = 1.0
    error_rate: Share = 0.0

    def __post_init__(self) -> None:
        if self.factor == 1 and not self.error_rate:
            raise BadInput("factor", "Give a factor above 1, an error_rate or both.")

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        done = exposure.since_s / exposure.window_s
        slower = 1 + (self.factor - 1) * done
        fate.first_token_s *= slower
        fate.output_s *= slower
        if exposure.draw < self.error_rate * done:
            fate.trouble = fate.trouble or OVERLOADED


@dataclass(frozen=True, slots=True)
class LimitedCapacity(Capacity):
    """It has only so many slots, or is only so fast, in place of its own capacity; see `rehearsal/stations.py`."""

    kind: ClassVar[str] = "capacity"

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        """Nothing: it is the other attempts that count."""


@dataclass(frozen=True, slots=True)
class PriceChange:
    """Its tokens cost `factor` times as much, or so many US dollars per million; see `drivers/rehearsed_prices.py`."""

    kind: ClassVar[str] = "price"
    factor: Annotated[float, Between(0, 1000)] | None = None
    input_cost_per_million: PerMillion | None = None
    output_cost_per_million: PerMillion | None = None

    def __post_init__(self) -> None:
        has_prices = self.input_cost_per_million is not None or self.output_cost_per_million is not None
        if has_prices == (self.factor is not None):
            raise BadInput(
                "factor", "Give a factor, or the new prices: input_cost_per_million, output_cost_per_million."
            )

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        """Nothing: it changes where requests go, and what they cost."""


def too_long(limit_tokens: float) -> Refusal:
    """What an upstream says to a prompt that is longer than its context."""
    # LiteLLM recognises this error by these words.
    return Refusal(400, f"Rehearsed: this model's maximum context length is {limit_tokens:.0f} tokens.")


# They strike streams and nothing else.
OF_STREAMS = (StreamCut, ToolCallCut, StreamStall, StreamError, EmptyStream)
OVERLOADED = Refusal(503, "Rehearsed: overloaded.")
DOWN: dict[Down, Trouble] = {
    "unavailable": Refusal(503, "Rehearsed: the service is down."),
    "refused": Broken("connection failed (Connection refused)"),
}
KINDS: dict[str, type[Fault]] = {
    kind.kind: kind
    for kind in (
        *(ServerError, ErrorStatus, RateLimit, NoCredit, Quota, Timeout, ConnectionRefused, ConnectionReset),
        *(MalformedAnswer, Redirect, Unauthorised, ContextTooLong, ContentFilter, Slow),
        *(*OF_STREAMS, Outage, Flapping, Degradation, LimitedCapacity, PriceChange),
    )
}
