"""Replaces names that LiteLLM allows and routing groups do not, in groups and fallbacks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from groups.models import NAME_CHARACTERS, NAME_LENGTH
from interchange.bundle import GroupDraft, Remark

_ILLEGAL = re.compile(f"[^{NAME_CHARACTERS}]+")
ROOM_FOR_NUMBER = 8
RULE = f"A group's name has letters, digits and - _ . : / only, and at most {NAME_LENGTH} characters"
RENAMED = f"{RULE}. Imported under other names:"


def with_legal_names(groups: Sequence[GroupDraft]) -> tuple[list[GroupDraft], list[Remark]]:
    """The groups with valid names, and a remark for each changed name."""
    names = _legal_names([group.name for group in groups])
    remarks = [_remark(old, new) for old, new in names.items() if new != old]
    return [_renamed(group, names) for group in groups], remarks


def _remark(old: str, new: str) -> Remark:
    return Remark(old, f"{RULE}: it is imported as '{new}'.", RENAMED, (new,))


def _legal_names(wanted: Sequence[str]) -> dict[str, str]:
    """A unique name for each; valid names stay."""
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
