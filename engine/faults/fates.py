"""The fate of one attempt in a rehearsal. Times are seconds on the run's clock."""

from __future__ import annotations

import math
from dataclasses import dataclass

# An upstream that answers with an error does so sooner than one that answers; a refused connection is known at once.
REFUSAL_SHARE = 0.25
BROKEN_AFTER_S = 0.002


@dataclass(frozen=True, slots=True)
class Refusal:
    """The upstream answers with an HTTP error: after `after_s`, by default sooner than it would have answered."""

    status: int
    message: str
    retry_after_s: float | None = None
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection fails; one that `is_late` only when the first token would have come."""

    message: str
    after_s: float = BROKEN_AFTER_S
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Malformed:
    """An answer comes with 200, and nobody can read it."""

    @staticmethod
    def words(*, is_stream: bool) -> str:
        """What is said of the provider."""
        return "answered without an event stream." if is_stream else "did not answer in OpenAI's format."


@dataclass(frozen=True, slots=True)
class Redirected:
    """The upstream answers with a redirect, which is not followed: a request may hold secrets."""

    status: int

    @property
    def words(self) -> str:
        """What is said of the provider."""
        return f"answered {self.status}, a redirect, which is not followed."


@dataclass(frozen=True, slots=True)
class FilteredAnswer:
    """200, but the content filter has left nothing of the answer, and there are groups for that."""


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """An error inside a stream, as its last event."""

    status: int | None
    message: str = "Rehearsed: the stream ended with an error."


@dataclass(frozen=True, slots=True)
class Silence:
    """The connection stands, and no data arrives."""


Told = Refusal | Broken | Malformed | Redirected | FilteredAnswer
Trouble = Told | Silence


@dataclass(slots=True)
class Fate:
    """The course of one attempt, decided when it begins.

    Faults change it; the first error stays. Without an error, `first_token_s` and then `output_s` pass. A stream
    breaks, with the error `says` or without, or with `is_stalled` falls silent, after the share `breaks_at` of its
    tokens; whole answers (`is_stream` False) never do. `has_call`: what breaks is a tool call that has begun. Of an
    answer that `is_filtered` nothing is left.
    """

    at_s: float
    input_tokens: int
    output_tokens: int
    first_token_s: float
    output_s: float
    is_stream: bool = False
    trouble: Trouble | None = None
    breaks_at: float | None = None
    is_stalled: bool = False
    says: ErrorEvent | None = None
    has_call: bool = False
    is_filtered: bool = False

    @property
    def news_s(self) -> float:
        """Seconds until the answer, or a stream's first token, or the trouble; infinity for silence."""
        if (trouble := self.trouble) is None or isinstance(trouble, Malformed):
            return self.first_token_s if self.is_stream else self.first_token_s + self.output_s
        if isinstance(trouble, FilteredAnswer):
            return self.first_token_s
        if isinstance(trouble, Redirected):
            return self.first_token_s * REFUSAL_SHARE
        if isinstance(trouble, Refusal):
            return self.first_token_s * REFUSAL_SHARE if trouble.after_s is None else trouble.after_s
        if isinstance(trouble, Broken):
            return self.first_token_s if trouble.is_late else trouble.after_s
        return math.inf

    @property
    def said_tokens(self) -> int:
        """The tokens of its answer that come; of a stream that breaks at least the first."""
        if self.breaks_at is None:
            return self.output_tokens
        return min(self.output_tokens, max(1, round(self.output_tokens * self.breaks_at)))

    def heed_filter(self, *, is_left: bool) -> bool:
        """Whether a filtered answer is the answer, and empty; where the request then leaves for a group that is for
        that (`is_left`), it fails."""
        if not self.is_filtered or self.trouble is not None:
            return False
        if is_left:
            self.trouble = FilteredAnswer()
            return False
        self.output_tokens, self.output_s, self.breaks_at = 0, 0.0, None
        return True

    def heed_idle_limit(self, idle_s: float) -> None:
        """A stream whose tokens come so slowly that already the pause before the second is a silence ends there."""
        if self.output_s > idle_s * max(1, self.output_tokens):
            self.breaks_at, self.is_stalled = 0.0, True


@dataclass(slots=True)
class Exposure:
    """The input and the counters of one fault at one deployment.

    `since_s` is the time since its window opened, `window_s` the length of the window (infinity without an end); `draw`
    is a random number from 0 to 1, new for each attempt.
    """

    window_s: float
    since_s: float = 0.0
    draw: float = 0.0
    minute: int = -1
    requests: int = 0
    tokens: int = 0
