"""What a rehearsal of the Live Tester calls: the group, or a name that clients use for it, and with which key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from access.keys import MASTER
from access.models import User
from access.rules import visible_keys
from groups.models import RoutingGroup
from pages.forms import attributes
from tester.calling.called_as import Calling, calling_of, calling_of_group, names_of
from tester.calling.keys import holder_for

CALLED, KEY = "called_as", "key"
KEYS_OFFERED = 100


@dataclass(frozen=True, slots=True)
class Offered:
    """What may be chosen: names, and keys by their ids."""

    names: tuple[str, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()


def fields_of_calls() -> Iterator[tuple[str, forms.Field]]:
    """Both are optional: empty is the group itself, without limits."""
    name = attributes(list="called-names")
    key = attributes(list="called-keys")
    yield (
        CALLED,
        forms.CharField(
            label="Called as",
            required=False,
            max_length=256,
            widget=forms.TextInput(name),
            help_text="An alias, a virtual model or auto. Empty: the group itself.",
        ),
    )
    yield (
        KEY,
        forms.CharField(
            label="With the API key",
            required=False,
            max_length=64,
            widget=forms.TextInput(key),
            help_text="Its id: its limits and credits count. Empty: none.",
        ),
    )


def offered(group: RoutingGroup, person: User) -> Offered:
    """What leads to this group, and the keys that the person may see."""
    rows = visible_keys(person).usable().select_related("owner").order_by("name", "pk")[:KEYS_OFFERED]
    return Offered(tuple(names_of(group)), tuple((str(row.pk), f"{row.name} of {row.owner.username}") for row in rows))


def initial_calls(config: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a run, from its configuration."""
    told = config.get("called") or {}
    return {CALLED: told.get("model", ""), KEY: (told.get("key") or {}).get("id", "")}


def calling_in(said: Mapping[str, Any], group: RoutingGroup, person: User) -> Calling | None:
    """What a valid form calls; None for the group itself without a key. Raises BadInput."""
    name, key = said.get(CALLED) or "", said.get(KEY) or ""
    if name in ("", group.name) and not key:
        return None
    holder = holder_for(person, key) if key else MASTER
    return calling_of_group(group, holder) if name in ("", group.name) else calling_of(name, holder)
