"""What becomes of one attempt at an upstream that is only rehearsed. Times are seconds on the run's clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """The upstream answers with an HTTP error."""

    status: int
    message: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """There is no connection."""

    message: str


@dataclass(frozen=True, slots=True)
class Silence:
    """There is a connection, and nothing comes over it."""


Trouble = Refusal | Broken | Silence


@dataclass(slots=True)
class Fate:
    """What will become of one attempt, decided when it begins. Faults change it; the first trouble stays.

    `first_token_s` and then `output_s` pass when all goes well. A stream ends, or with `is_stalled` falls
    silent, when the share `breaks_at` of its tokens has been sent; whole answers (`is_stream` of False) never do.
    """

    at_s: float
    input_tokens: int
    output_tokens: int
    first_token_s: float
    output_s: float
    trouble: Trouble | None = None
    breaks_at: float | None = None
    is_stalled: bool = False
    is_stream: bool = False


@dataclass(slots=True)
class Exposure:
    """One deployment's exposure to one fault: what the fault may look at, and count in.

    `since_s` is how long its window has been open, of `window_s` in all (infinity when it stays open); `draw` is
    a random number from 0 to 1, new for each attempt.
    """

    window_s: float
    since_s: float = 0.0
    draw: float = 0.0
    minute: int = -1
    requests: int = 0
    tokens: int = 0
