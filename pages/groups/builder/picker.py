"""The search over the catalog for models to add to a group."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from django.db.models import Q

from groups.models import Deployment
from groups.routing_rules.facts import is_embedding
from pages.groups.cards import DeploymentCard, card_of
from providers.health.probe_schedule import OTHER_MODES
from providers.models import LanguageModel, Provider

MOST_SHOWN = 20
MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Option:
    """A model that can be added, or is in the group already."""

    model: LanguageModel
    card: DeploymentCard
    is_added: bool

    @property
    def kind(self) -> str:
        """What it makes if it doesn't chat: a group of chats with it would fail there."""
        if is_embedding(self.model):
            return "embeddings"
        modes = sorted(OTHER_MODES.intersection(self.model.capabilities))
        return modes[0].replace("_", " ") if modes else ""

    @property
    def trouble(self) -> str:
        """Why it may not answer now, as far as known."""
        error = self.model.provider.error
        return self.card.problem or (f"{self.model.provider.name} failed its last check: {error}" if error else "")


@dataclass(frozen=True, slots=True)
class Shelf:
    """The found models of one provider."""

    provider: Provider
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class PickerResult:
    """The result of a search: at most MOST_SHOWN models by provider; `has_more`: there are more."""

    text: str
    shelves: tuple[Shelf, ...]
    has_more: bool


def search(text: str, *, chosen: Collection[str]) -> PickerResult:
    """Models whose own name or provider's name has every word of the text; one query. `chosen`: ids in the group."""
    rows = LanguageModel.objects.select_related("provider").filter(_has_words(text))
    found = list(rows.order_by("provider__priority", "provider__name", "name")[: MOST_SHOWN + 1])
    options = [_option(model, chosen) for model in found[:MOST_SHOWN]]
    shelves = groupby(options, key=attrgetter("model.provider"))
    return PickerResult(text, tuple(Shelf(p, tuple(o)) for p, o in shelves), has_more=len(found) > MOST_SHOWN)


def models_by_id(ids: Collection[str]) -> dict[str, LanguageModel]:
    """The existing models with these ids; one query."""
    rows = LanguageModel.objects.select_related("provider").filter(pk__in=[UUID(id) for id in ids])
    return {str(model.pk): model for model in rows}


def _has_words(text: str) -> Q:
    wanted = Q()
    for word in text.replace("\x00", "").replace("/", " ").split()[:MOST_WORDS]:
        wanted &= Q(name__icontains=word) | Q(display_name__icontains=word) | Q(provider__name__icontains=word)
    return wanted


def _option(model: LanguageModel, chosen: Collection[str]) -> Option:
    return Option(model, card_of(Deployment(model=model), None), str(model.pk) in chosen)
