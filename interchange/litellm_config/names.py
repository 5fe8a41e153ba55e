"""Names that LiteLLM allows and a routing group does not: replaced in the group and in every fallback. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from groups.models import NAME_CHARACTERS, NAME_LENGTH
from interchange.bundle import GroupDraft, Remark

HIGHEST_PRIORITY = 1000
LARGEST_WEIGHT = 1_000_000


def tiers(orders: Sequence[int | None]) -> list[int | None]:
    """Priorities from 1. Without any order there are none; else those without come last, as LiteLLM has them."""
    said = [order for order in orders if order is not None]
    if not said:
        return [None] * len(orders)
    last = max(said) + 1
    wanted = [last if order is None else order for order in orders]
    if min(wanted) >= 1 and max(wanted) <= HIGHEST_PRIORITY:
        return list(wanted)
    ranks = {order: rank for rank, order in enumerate(sorted(set(wanted)), start=1)}
    return [ranks[order] for order in wanted]


def whole_weights(weights: Sequence[float | None], *, needed: bool) -> list[int | None]:
    """Whole weights in the same proportions, from 0 to a million. `needed`: an absent one is 0, as in LiteLLM."""
    said = [weight for weight in weights if weight is not None]
    scale = _scale(said)
    return [0 if weight is None and needed else _scaled(weight, scale) for weight in weights]


def _scale(weights: Sequence[float]) -> float:
    """The smallest power of ten that makes all of them whole, else what makes the largest a million."""
    for power in range(7):
        scaled = [weight * 10**power for weight in weights]
        if max(scaled, default=0) > LARGEST_WEIGHT:
            break
        if all(abs(weight - round(weight)) < 1e-6 for weight in scaled):
            return 10.0**power
    return LARGEST_WEIGHT / max(weights)


def _scaled(weight: float | None, scale: float) -> int | None:
    """At least 1 for what is more than nothing."""
    if weight is None:
        return None
    return 0 if weight == 0 else max(1, round(weight * scale))


_ILLEGAL = re.compile(f"[^{NAME_CHARACTERS}]+")
ROOM_FOR_NUMBER = 8
RULE = f"A group's name has letters, digits and - _ . : / only, and at most {NAME_LENGTH} characters"
RENAMED = f"{RULE}. Imported under other names:"


def with_legal_names(groups: Sequence[GroupDraft]) -> tuple[list[GroupDraft], list[Remark]]:
    """The groups under names that can be stored, and a remark for each one that had to change."""
    names = _legal_names([group.name for group in groups])
    remarks = [_remark(old, new) for old, new in names.items() if new != old]
    return [_renamed(group, names) for group in groups], remarks


def _remark(old: str, new: str) -> Remark:
    return Remark(old, f"{RULE}: it is imported as '{new}'.", RENAMED, (new,))


def _legal_names(wanted: Sequence[str]) -> dict[str, str]:
    """A name of its own for each; names that are legal already keep theirs."""
    legal = {name: name for name in wanted if len(name) <= NAME_LENGTH and not _ILLEGAL.search(name)}
    for name in wanted:
        if name not in legal:
            plain = _ILLEGAL.sub("-", name).strip("-")[: NAME_LENGTH - ROOM_FOR_NUMBER]
            legal[name] = _free(plain or "group", legal.values())
    return {name: legal[name] for name in wanted}


def _free(name: str, taken: Iterable[str]) -> str:
    used = set(taken)
    return next(n for n in (name, *(f"{name}-{k}" for k in range(2, len(used) + 3))) if n not in used)


def _renamed(group: GroupDraft, names: dict[str, str]) -> GroupDraft:
    fallbacks = {
        key: [names.get(other, other) for other in others] for key, others in group.config("fallback_config").items()
    }
    return replace(group, name=names[group.name], fields={**group.fields, "fallback_config": fallbacks})
