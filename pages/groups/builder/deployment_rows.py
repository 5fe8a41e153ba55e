"""The list of deployments in the form, and its operations: add, move, remove, share a tier.

Pure. The order is that of the page. Adjacent rows of one priority are a tier; moving a row keeps the other tiers and
numbers them 1, 2, 3 ... again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from engine.spec import Strategy
from lib.ids import uuid_of

# The priority of a row alone in its tier, until the tiers are numbered.
ALONE = "alone"
USUAL_WEIGHT = 50
MOST_ROWS = 100
MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """One deployment, with its values as typed. `uid` is its model's id, because a group contains a model once."""

    uid: str
    priority: str = ""
    weight: str = ""
    display_name: str = ""
    rpm: str = ""
    tpm: str = ""
    max_parallel: str = ""
    max_wait_s: str = ""
    extra_headers: str = ""
    extra_body: str = ""
    capacity: str = ""
    region: str = ""


Rows = tuple[DeploymentRow, ...]


def changed(rows: Rows, change: str) -> Rows:
    """The rows after one step in the page's spelling: `up:UID`, `onto:UID:OTHER` ...; a missing row changes nothing.

    Raises KeyError for an unknown step, or a new row without a model's id.
    """
    verb, uid, other = parts_of(change)
    step = STEPS[verb]
    if verb == "add" and not is_id(uid):
        raise KeyError(uid)
    if verb != "add" and not {uid, other or uid} <= {row.uid for row in rows}:
        return rows
    return step(rows, uid, other)


def parts_of(change: str) -> tuple[str, str, str]:
    """A step's verb, its row, and the other row if there is one."""
    verb, _, rest = change.partition(":")
    uid, _, other = rest.partition(":")
    return verb, uid, other


def is_id(text: str) -> bool:
    """Whether it is an id in canonical spelling."""
    return (found := uuid_of(text)) is not None and str(found) == text


def added(rows: Rows, uid: str) -> Rows:
    """The rows with a new one at the end: in a tier of its own, with an equal share of the weight."""
    if len(rows) >= MOST_ROWS or any(row.uid == uid for row in rows):
        return rows
    return _numbered((*rows, DeploymentRow(uid, priority=ALONE, weight=_usual_weight(rows))))


def removed(rows: Rows, uid: str) -> Rows:
    """The rows without one."""
    return _numbered(row for row in rows if row.uid != uid)


def moved(rows: Rows, uid: str, by: int) -> Rows:
    """The rows after a move up (-1) or down (1); at the end of the list nothing changes."""
    at = index_of(rows, uid)
    to = at + by
    if not 0 <= to < len(rows):
        return rows
    others = [row for row in rows if row.uid != uid]
    return settled((*others[:to], rows[at], *others[to:]), uid)


def settled(rows: Rows, uid: str) -> Rows:
    """The rows after a move: between two rows of one tier the moved row joins them, elsewhere it is alone."""
    at = index_of(rows, uid)
    above, below = _priority(rows, at - 1), _priority(rows, at + 1)
    return _numbered(_changed(rows, uid, above if above and above == below else ALONE))


def joined(rows: Rows, uid: str, to: str) -> Rows:
    """The rows with one row in the tier of another, right behind it."""
    if uid == to:
        return rows
    row, others = rows[index_of(rows, uid)], _numbered(row for row in rows if row.uid != uid)
    at = index_of(others, to)
    return _numbered((*others[: at + 1], replace(row, priority=others[at].priority), *others[at + 1 :]))


def parted(rows: Rows, uid: str) -> Rows:
    """The rows with one row in a tier of its own, right after its old tier."""
    row = rows[index_of(rows, uid)]
    tiers = [[r for r in tier if r.uid != uid] for tier in _tiers(rows)]
    at = next(n for n, tier in enumerate(_tiers(rows)) if row in tier)
    tiers.insert(at + 1, [replace(row, priority=ALONE)])
    return _numbered(row for tier in tiers for row in tier)


def in_order(rows: Rows, strategy: str) -> Rows:
    """The rows by their typed priorities, where they count; a missing one is the next number."""
    if strategy != Strategy.PRIORITY_FAILOVER:
        return rows
    if not all(row.priority for row in rows):
        return _numbered(rows)
    if not all(is_number(row.priority) for row in rows):
        return rows
    return tuple(sorted(rows, key=lambda row: int(row.priority)))


def with_weights(rows: Rows, strategy: str) -> Rows:
    """The rows with an equal share for each row without a weight, where weights count."""
    if strategy != Strategy.WEIGHTED:
        return rows
    usual = _usual_weight(rows)
    return tuple(row if row.weight else replace(row, weight=usual) for row in rows)


def index_of(rows: Sequence[DeploymentRow], uid: str) -> int:
    """The position of a row; raises KeyError if it is missing."""
    for number, row in enumerate(rows):
        if row.uid == uid:
            return number
    raise KeyError(uid)


def is_with_above(rows: Rows, at: int) -> bool:
    """Whether a row shares the tier of the one above it."""
    return at > 0 and bool(rows[at].priority) and rows[at].priority == rows[at - 1].priority


def is_number(text: str) -> bool:
    """Whether a typed weight or priority is a usable number; the form reports the others."""
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS


def _usual_weight(rows: Iterable[DeploymentRow]) -> str:
    weights = [int(row.weight) for row in rows if is_number(row.weight)]
    return str(max(1, round(sum(weights) / len(weights))) if weights else USUAL_WEIGHT)


def _priority(rows: Rows, at: int) -> str:
    return rows[at].priority if 0 <= at < len(rows) else ""


def _changed(rows: Rows, uid: str, priority: str) -> Rows:
    return tuple(replace(row, priority=priority) if row.uid == uid else row for row in rows)


def _tiers(rows: Iterable[DeploymentRow]) -> list[list[DeploymentRow]]:
    tiers: list[list[DeploymentRow]] = []
    for row in rows:
        if tiers and row.priority not in ("", ALONE) and row.priority == tiers[-1][-1].priority:
            tiers[-1].append(row)
        else:
            tiers.append([row])
    return tiers


def _numbered(rows: Iterable[DeploymentRow]) -> Rows:
    tiers = enumerate(_tiers(rows), start=1)
    return tuple(replace(row, priority=str(number)) for number, tier in tiers for row in tier)


STEPS: dict[str, Callable[[Rows, str, str], Rows]] = {
    "add": lambda rows, uid, _: added(rows, uid),
    "remove": lambda rows, uid, _: removed(rows, uid),
    "up": lambda rows, uid, _: moved(rows, uid, -1),
    "down": lambda rows, uid, _: moved(rows, uid, 1),
    "settle": lambda rows, uid, _: settled(rows, uid),
    "onto": joined,
    "join": lambda rows, uid, _: joined(rows, uid, rows[max(0, index_of(rows, uid) - 1)].uid),
    "part": lambda rows, uid, _: parted(rows, uid),
    "refresh": lambda rows, uid, _: rows,
}
