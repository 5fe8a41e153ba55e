"""What a step in the list of deployments has done, in a sentence that is read out."""

from __future__ import annotations

from groups.models import Strategy
from pages.groups.builder.drafts import Draft, Line
from pages.groups.builder.rows import MOST_ROWS, parts_of


def outcome_of(change: str, draft: Draft, lines: list[Line]) -> str:
    """`Nebius llama is number 1 of 3 now, with priority 1.`; nothing for a step that is no news."""
    verb, uid, _ = parts_of(change)
    if verb == "refresh":
        return ""
    if verb == "remove":
        return f"Taken out. {len(lines)} left."
    at = next((n for n, line in enumerate(lines) if line.row.uid == uid), None)
    if at is None:
        return f"A group has at most {MOST_ROWS} deployments." if verb == "add" else ""
    place = f"{lines[at].name} is number {at + 1} of {len(lines)} now"
    is_ordered = draft.form.strategy_now == Strategy.PRIORITY_FAILOVER
    return f"{place}, with priority {lines[at].row.priority}." if is_ordered else f"{place}."
