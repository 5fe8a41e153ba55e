"""The steps of the guided start, and what they suggest. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from engine.probes.findings import Finding, Trouble
from providers.catalog import price_map
from providers.catalog.price_map import CatalogEntry
from providers.catalog.starters import STARTERS
from providers.health.probe_schedule import OTHER_MODES

TITLES = (
    ("Provider key", "who answers"),
    ("Models", "what they answer with"),
    ("Group", "the name that your app calls"),
    ("API key", "for your app"),
    ("First call", "copy, run, see it arrive"),
)
# One to answer, and one to step in.
MOST_SUGGESTED = 2
# The trouble is the key's: another try with the same one ends alike.
ABOUT_THE_KEY = frozenset({Trouble.WRONG_KEY, Trouble.FORBIDDEN, Trouble.NO_CREDIT})
ABOUT_THE_ADDRESS = frozenset(
    {Trouble.DNS, Trouble.TLS, Trouble.REDIRECT, Trouble.NOT_COMPATIBLE, Trouble.FORBIDDEN_ADDRESS, Trouble.UNUSABLE}
)


@dataclass(frozen=True, slots=True)
class WizardStep:
    """A line of the steps beside the form; `url` leads back to a step that is done."""

    number: int
    title: str
    hint: str
    url: str
    is_done: bool
    is_current: bool


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why a step does not go on: what happened, and what to do."""

    title: str
    text: str


def wizard_steps(current: int, urls: Sequence[str]) -> tuple[WizardStep, ...]:
    """All steps, seen from the `current` one, from 1; `urls` are those of the steps before it, in order."""
    ways = [*urls, *[""] * len(TITLES)]
    return tuple(
        WizardStep(
            number, title, hint, ways[number - 1] if number < current else "", number < current, number == current
        )
        for number, (title, hint) in enumerate(TITLES, start=1)
    )


def why_not(finding: Finding, provider: str) -> WhyNot | None:
    """What a test of a key says against going on; None if nothing does."""
    if finding.is_ok and finding.models:
        return None
    if finding.is_ok:
        return WhyNot(
            f"{provider} takes the key, but lists no models for it.",
            "Ask the provider which models this key may use. A provider that never lists its models can be added on "
            "the page Providers, with their names typed in.",
        )
    return WhyNot(_title(finding, provider), _sentences(finding.error, _advice(finding)))


def _title(finding: Finding, provider: str) -> str:
    if finding.trouble is Trouble.WRONG_KEY:
        return f"{provider} refuses this key."
    if finding.trouble in ABOUT_THE_KEY:
        return f"{provider} knows the key, but does not serve it."
    if finding.trouble is Trouble.NO_LIST:
        return f"{provider} has no list of models."
    if finding.trouble in ABOUT_THE_ADDRESS:
        return f"There is no {provider} at this address."
    return f"{provider} does not answer now."


def _advice(finding: Finding) -> str:
    if finding.trouble is Trouble.WRONG_KEY:
        return "Copy the whole key again, or create a new one at the provider."
    if finding.trouble in ABOUT_THE_KEY:
        return "Look at your account there: its credit, and what the key may do."
    if finding.trouble is Trouble.NO_LIST:
        return "Add it on the page Providers, with the names of its models typed in."
    if finding.trouble in ABOUT_THE_ADDRESS:
        return "Look at the base URL."
    return "Try again in a minute; until then look at the provider's status page, or at your network."


def _sentences(*texts: str) -> str:
    return " ".join(text if text.endswith((".", "?", "!")) else f"{text}." for text in texts if text)


def suggested(type: str, listed: Collection[str]) -> tuple[str, ...]:
    """The models to tick first, of those that the provider lists: its usual ones that chat, else others, the cheapest
    first."""
    usual = [name for starter in STARTERS if starter.type == type for name in starter.models if name in listed]
    entries = {name: price_map.lookup(type=type, model_name=name) for name in (*usual, *listed)}
    chatting = [name for name in usual if _chats(entries[name])] or [n for n in listed if _chats(entries[n])]
    return tuple(sorted(chatting, key=lambda name: _price(entries[name]))[:MOST_SUGGESTED])


def chat_models(type: str, names: Iterable[str]) -> list[str]:
    """Those that can answer a chat, as far as known, the cheapest first."""
    entries = {name: price_map.lookup(type=type, model_name=name) for name in names}
    return sorted((name for name in entries if _chats(entries[name])), key=lambda name: _price(entries[name]))


def _chats(entry: CatalogEntry) -> bool:
    return not OTHER_MODES.intersection(entry.capabilities)


def _price(entry: CatalogEntry) -> tuple[bool, float]:
    cost = entry.output_cost_per_million
    return cost is None, float(cost or 0)


def free_one(wanted: str, taken: Collection[str]) -> str:
    """The name, or `name-2`, `name-3`, … where it is taken."""
    return next(name for number in count(1) if (name := wanted if number == 1 else f"{wanted}-{number}") not in taken)
