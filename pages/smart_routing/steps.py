"""The chain of fallback providers and the aliases as editable lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from groups.routing_rules.chain import meant
from pages.discs import Disc, disc_of
from providers.models import Provider


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the chain, as stored; `problem` says why it is skipped now."""

    entry: str
    title: str
    disc: Disc | None
    problem: str


def changed_chain(entries: Sequence[str], change: str) -> list[str]:
    """The chain after one step: `up:ENTRY`, `down:ENTRY`, `remove:ENTRY`; otherwise as on the page, without gaps."""
    chain = list(dict.fromkeys(entry for entry in entries if entry))
    step, _, entry = change.partition(":")
    if entry not in chain:
        return chain
    at = chain.index(entry)
    if step == "remove":
        return [other for other in chain if other != entry]
    if step in ("up", "down"):
        to = min(max(at + (1 if step == "down" else -1), 0), len(chain) - 1)
        chain.insert(to, chain.pop(at))
    return chain


def changed_aliases(
    pairs: Sequence[tuple[str, str]], change: str, new: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The aliases after one step: without the row of `remove:NUMBER`, counted from 1, and with the `new` ones."""
    step, _, number = change.partition(":")
    kept = [pair for at, pair in enumerate(pairs, start=1) if step != "remove" or str(at) != number]
    return [*kept, *new]


def chain_links(entries: Sequence[str]) -> list[Link]:
    """The chain for the page; one query."""
    rows = list(Provider.objects.all()) if entries else []
    return [_link(entry, meant(entry, rows)) for entry in entries]


def providers_left(entries: Sequence[str]) -> list[Provider]:
    """The providers that can be added; one query."""
    rows = list(Provider.objects.all())
    taken = {provider.pk for entry in entries for provider in meant(entry, rows)}
    return [row for row in rows if row.pk not in taken]


def _link(entry: str, providers: Sequence[Provider]) -> Link:
    if not providers:
        return Link(entry, entry, None, "There is no such provider now, so it is skipped.")
    title = providers[0].name if len(providers) == 1 else f"{entry}: {', '.join(p.name for p in providers)}"
    return Link(entry, title, disc_of(providers[0]), "" if any(map(_takes, providers)) else _why_not(providers[0]))


def _takes(provider: Provider) -> bool:
    return provider.enabled and provider.auto_fallback


def _why_not(provider: Provider) -> str:
    return "Takes no fallbacks, as its own settings say." if provider.enabled else "Is disabled, so it is skipped."
