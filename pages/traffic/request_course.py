"""The way of a request in one sentence: who failed, who was skipped, who answered. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from engine.ledger import Hedge
from engine.outcomes import Outcome
from usage.models import RequestRecord
from usage.request_log.waterfall import SKIP_WORDS, Ghost, Step

LONGEST = 4


def sentence_of(record: RequestRecord) -> str:
    """`Nebius was skipped (cooling), so Fireworks answered.`; "" where the first choice answered, or nobody could."""
    troubles = [*_failures(record), *_skips(record)]
    if not troubles:
        return ""
    said = _listed(troubles)
    if record.outcome == Outcome.ANSWERED:
        does = "brought the stream to its end" if record.rescued else "answered"
        return f"{said}, so {record.provider} {does}."
    return f"Nobody answered: {said}." if record.outcome == Outcome.FAILED else ""


def step_counts(steps: Iterable[Step]) -> str:
    """`4 steps: 1 skipped, 1 failed, 1 answered, 1 standby`."""
    counts = Counter(_kind(step) for step in steps)
    if not counts:
        return ""
    parts = (f"{counts[kind]} {kind}" for kind in ("skipped", "failed", "answered", "standby") if counts[kind])
    return f"{counts.total()} step{'' if counts.total() == 1 else 's'}: {', '.join(parts)}"


def _kind(step: Step) -> str:
    if isinstance(step, Ghost):
        return "standby" if step.is_standby else "skipped"
    return "answered" if step.has_succeeded else "failed"


def _failures(record: RequestRecord) -> Iterable[str]:
    """Each provider once, with its last failure; those that lost a race did not fail."""
    failed: dict[str, str] = {}
    for attempt in record.attempts:
        if attempt.get("status") == "error" and attempt.get("hedge") != Hedge.LOST:
            status = attempt.get("status_code") or attempt.get("error_class") or ""
            failed[attempt["provider"]] = f" ({status})" if status else ""
    return [f"{provider} failed{why}" for provider, why in failed.items()]


def _skips(record: RequestRecord) -> Iterable[str]:
    skipped = {skip["provider"]: SKIP_WORDS.get(skip["reason"], skip["reason"]) for skip in record.skipped}
    return [f"{provider} was skipped ({why})" for provider, why in skipped.items()]


def _listed(parts: Sequence[str]) -> str:
    """`a, b and c`; a long list ends with its number."""
    shown = [*parts[:LONGEST], f"{len(parts) - LONGEST} more could not"] if len(parts) > LONGEST else [*parts]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
