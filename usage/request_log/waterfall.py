"""The attempts of one request as bars over time, with the skips between them. Pure: no HTML, no database."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from engine.ledger import Hedge, Rescue, SkipReason
from providers.presets import colour_of

WIDTH = 1000
THINNEST = 6
CAUSES = {
    "error": "It failed",
    "rate_limit": "It was rate limited",
    "timeout": "It timed out",
    "own_key_refused": "The caller's own key was refused",
}
DOORS = {"chat/completions": "chat", "responses": "responses", "messages": "messages"}
PROTOCOLS = {"chat": "Chat", "responses": "Responses", "messages": "Messages", "litellm": "LiteLLM"}
VERBS = {
    "retry": "so the router asked it again",
    "other": "so the router asked another one of this tier",
    "fallback": "so the router went to the next tier or group",
    "rescue": "after the caller had its first content, so its stream was rescued",
}
RESCUES: Mapping[str, str] = {
    Rescue.CONTINUED: "It continued the answer that the caller had in part.",
    Rescue.RESTARTED: "It began the answer again, without what the caller had.",
}


HEDGES: Mapping[str, str] = {
    Hedge.HEDGED: "It was asked beside the one before.",
    Hedge.LOST: "The one beside it began first, so it was closed.",
}
SLOW = "It was slow to begin, so the router asked another one beside it."


# The reasons of skips as the end of "Skipped: …".
SKIP_WORDS: Mapping[str, str] = {
    SkipReason.COOLING: "cooling",
    SkipReason.PROBE_RUNNING: "being probed",
    SkipReason.RATE_LIMITED: "at its rate limit",
    SkipReason.AT_CAPACITY: "at capacity",
    SkipReason.RETRY_BUDGET: "retry budget used up",
    SkipReason.CONTEXT_TOO_SMALL: "context too small",
    SkipReason.UNSUITABLE: "unsuitable",
    SkipReason.NOT_ALLOWED: "not allowed",
    SkipReason.WRONG_REGION: "wrong region",
    SkipReason.OWN_KEY_REFUSED: "own key refused",
    SkipReason.NO_CREDENTIALS: "no key",
    SkipReason.NO_WEIGHT: "weight 0",
    SkipReason.NOT_NEEDED: "not needed",
}


@dataclass(frozen=True, slots=True)
class WaterfallBar:
    """One attempt.

    `x`, `width` and `token_x` (of its first token; None without one) are thousandths of the whole request.
    """

    number: int
    name: str
    provider: str
    tier: int
    status: str
    duration_ms: float
    first_token_ms: float | None
    error_class: str
    error_message: str
    moved_on: str
    colour: str
    x: int
    width: int
    token_x: int | None
    fallback_depth: int = 0
    dropped_params: tuple[str, ...] = ()
    is_sticky: bool = False
    translation: str = ""
    rescue: str = ""
    part: str = ""
    hedge: str = ""

    is_ghost = False

    @property
    def has_succeeded(self) -> bool:
        return self.status == "success"

    @property
    def wait(self) -> int:
        """The part of its width before its first token; all of it without one, nothing if it was not measured."""
        if self.token_x is None:
            return 0 if self.has_succeeded else self.width
        return self.token_x - self.x

    @property
    def flow_x(self) -> int:
        return self.x + self.wait

    @property
    def flow(self) -> int:
        """The part of its width from its first token on."""
        return self.width - self.wait

    @property
    def initial(self) -> str:
        return self.provider[:1].upper()


@dataclass(frozen=True, slots=True)
class Ghost:
    """A candidate that was not asked; `word` is the reason, `cause_call_id` the request that caused its cooldown, or
    "", `since` the beginning of its cooldown. A standby was not skipped: its turn did not come; `proven_at` is when it
    last answered, and `failing_since` when its test requests began to fail.
    """

    name: str
    provider: str
    tier: int
    word: str
    message: str
    cause_call_id: str
    colour: str
    fallback_depth: int
    since: datetime | None = None
    is_standby: bool = False
    proven_at: datetime | None = None
    failing_since: datetime | None = None

    is_ghost = True

    @property
    def initial(self) -> str:
        return self.provider[:1].upper()


Step = WaterfallBar | Ghost


def steps_of(
    bars: Sequence[WaterfallBar], skipped: Iterable[Mapping[str, Any]], provider_types: Mapping[str, str] | None = None
) -> tuple[Step, ...]:
    """The bars with the skips: each before the first attempt in its tier, or in a later one.

    An attempt that was followed by another also has the skips in between.
    """
    ghosts = (_ghost(skip, provider_types or {}) for skip in skipped)
    waiting = deque(sorted(ghosts, key=attrgetter("fallback_depth")))
    steps: list[Step] = []
    for bar in bars:
        passed = []
        while waiting and waiting[0].fallback_depth <= bar.fallback_depth:
            passed.append(waiting.popleft())
        if passed and steps and isinstance(steps[-1], WaterfallBar):
            steps[-1] = _past(steps[-1], passed)
        steps += [*passed, bar]
    return (*steps, *waiting)


def standbys_of(
    standbys: Iterable[Mapping[str, Any]], provider_types: Mapping[str, str] | None = None
) -> tuple[Ghost, ...]:
    """The candidates after the one that answered."""
    return tuple(_ghost(standby, provider_types or {}) for standby in standbys)


def bars_of(
    attempts: Sequence[Mapping[str, Any]],
    *,
    began_ms: float,
    duration_ms: float,
    provider_types: Mapping[str, str] | None = None,
    endpoint: str = "",
) -> tuple[WaterfallBar, ...]:
    """The bars of a request's attempts, from a trace or a logged request; pauses between them stay empty.

    `began_ms` and `duration_ms` are those of the request, on the clock of the attempts; `provider_types` (name -> type)
    decides the colours, without a type the name does. `endpoint` is the client's.
    """
    whole_ms = whole_ms_of(attempts, began_ms=began_ms, duration_ms=duration_ms)
    types = provider_types or {}
    return tuple(_bar(n, a, _at_ms(a) - began_ms, whole_ms, types, endpoint) for n, a in enumerate(attempts, start=1))


def whole_ms_of(attempts: Sequence[Mapping[str, Any]], *, began_ms: float, duration_ms: float) -> float:
    """The time that the bars of a request fill; at least a millisecond."""
    return max(duration_ms, 1.0, *(_at_ms(a) - began_ms + _duration_ms(a) for a in attempts))


def moved_on(word: str | None) -> str:
    """The ledger's `retry_…`, `other_…`, `fallback_…` or `hedged` as a sentence; "" for None, the last attempt's."""
    if word == Hedge.HEDGED:
        return SLOW
    verb, _, cause = (word or "").partition("_")
    return f"{CAUSES[cause]}, {VERBS[verb]}." if verb in VERBS and cause in CAUSES else word or ""


def _past(bar: WaterfallBar, passed: Sequence[Ghost]) -> WaterfallBar:
    names = ", ".join(f"{ghost.name} ({ghost.word})" for ghost in passed)
    return replace(bar, moved_on=f"{bar.moved_on.removesuffix('.')}, past {names}.")


def _bar(
    number: int, attempt: Mapping[str, Any], after_ms: float, whole_ms: float, types: Mapping[str, str], endpoint: str
) -> WaterfallBar:
    x, width = _span(max(0.0, after_ms) / whole_ms, _duration_ms(attempt) / whole_ms)
    first_token_ms = attempt.get("first_token_ms")
    provider = attempt["provider"]
    return WaterfallBar(
        number=number,
        name=attempt["deployment_name"],
        provider=provider,
        tier=attempt["tier"],
        status=attempt["status"],
        duration_ms=_duration_ms(attempt),
        first_token_ms=first_token_ms,
        error_class=attempt.get("error_class") or "",
        error_message=attempt.get("error_message") or "",
        moved_on=moved_on(attempt.get("moved_on_because")),
        colour=colour_of(types.get(provider, ""), provider),
        x=x,
        width=width,
        token_x=None if first_token_ms is None else x + min(width, round(WIDTH * first_token_ms / whole_ms)),
        fallback_depth=attempt.get("fallback_depth", 0),
        dropped_params=tuple(attempt.get("dropped_params") or ()),
        is_sticky=bool(attempt.get("sticky")),
        translation=_translation(endpoint, attempt.get("dialect") or ""),
        rescue=RESCUES.get(attempt.get("rescue") or "", ""),
        part=_part(attempt.get("part")),
        hedge=HEDGES.get(attempt.get("hedge") or "", ""),
    )


def _translation(endpoint: str, dialect: str) -> str:
    """`Messages → Chat` where the client and the provider spoke different protocols; "" where they spoke the same."""
    door = DOORS.get(endpoint)
    return f"{PROTOCOLS[door]} → {PROTOCOLS[dialect]}" if door and dialect in PROTOCOLS and door != dialect else ""


def _part(part: Sequence[float | None] | None) -> str:
    """The tokens and the cost of a part of a rescued stream, or of one that lost, as a sentence; "" for others."""
    if not part:
        return ""
    read, written, usd = part
    return f"{read:.0f} tokens read, {written:.0f} written, {'price unknown' if usd is None else f'{usd:.6f} $'}."


def _ghost(skip: Mapping[str, Any], types: Mapping[str, str]) -> Ghost:
    provider = skip["provider"]
    return Ghost(
        name=skip["deployment_name"],
        provider=provider,
        tier=skip["tier"],
        word=SKIP_WORDS.get(skip["reason"], skip["reason"].replace("_", " ")),
        message=skip["message"],
        cause_call_id=skip.get("cause_call_id") or "",
        colour=colour_of(types.get(provider, ""), provider),
        fallback_depth=skip.get("fallback_depth", 0),
        since=_moment(skip.get("since")),
        is_standby=skip["reason"] == SkipReason.NOT_NEEDED,
        proven_at=_moment(skip.get("proven_at")),
        failing_since=_moment(skip.get("failing_since")),
    )


def _moment(since: Any) -> datetime | None:
    """The log has ISO 8601; those of a rehearsal are on its own clock."""
    return datetime.fromisoformat(since) if isinstance(since, str) else None


def _span(start: float, length: float) -> tuple[int, int]:
    """Never too narrow to see, never beyond the right edge."""
    width = max(round(WIDTH * length), THINNEST)
    return min(round(WIDTH * start), WIDTH - width), width


def _at_ms(attempt: Mapping[str, Any]) -> float:
    """Traces have `at_ms`, logged requests `started_at` in Unix seconds."""
    return float(attempt["at_ms"] if "at_ms" in attempt else attempt["started_at"] * 1000)


def _duration_ms(attempt: Mapping[str, Any]) -> float:
    """A running attempt has none."""
    return float(attempt["duration_ms"] or 0.0)
