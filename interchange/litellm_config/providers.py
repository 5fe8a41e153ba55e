"""Providers of a file told apart: LiteLLM has none, only addresses and keys on each entry. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from interchange.bundle import ProviderDraft
from interchange.litellm_config.deployments import Entry

Identity = tuple[Any, ...]


def told_apart(entries: Sequence[Entry]) -> list[Entry]:
    """The entries, those with one type, address and key under one provider's name, others under another.

    What an export of ours calls a provider tells it apart too.
    """
    names: dict[Identity, str] = {}
    return [_renamed(entry, _name(entry.provider, names)) for entry in entries]


def _name(provider: ProviderDraft, names: dict[Identity, str]) -> str:
    own_name = provider.name if provider.is_own_name else ""
    secrets = (provider.key_reference, provider.key, *sorted(provider.credentials.items(), key=lambda held: held[0]))
    where = (provider.type, provider.api_base, *sorted(provider.settings.items()), *sorted(provider.references))
    identity: Identity = (own_name, *where, *secrets, provider.sign_in)
    if identity not in names:
        names[identity] = _free(provider.name, {name.casefold() for name in names.values()})
    return names[identity]


def _free(wanted: str, taken: set[str]) -> str:
    """The name, or `name 2`, `name 3`, …; a variable in brackets stays at the end."""
    head, bracket, tail = wanted.partition(" (")
    name, number = wanted, 1
    while name.casefold() in taken:
        number += 1
        name = f"{head} {number}{bracket}{tail}"
    return name


def _renamed(entry: Entry, name: str) -> Entry:
    provider = replace(entry.provider, name=name)
    return replace(entry, provider=provider, model=replace(entry.model, provider=name))
