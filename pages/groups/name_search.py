"""One search by name over groups, providers and models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from groups.models import RoutingGroup
from pages.discs import Disc, disc_of
from providers.models import LanguageModel, Provider
from providers.presets import preset_of


@dataclass(frozen=True, slots=True)
class Hit:
    """One result; `page` is the URL name of its page."""

    id: UUID
    title: str
    note: str
    page: str
    disc: Disc | None = None


@dataclass(frozen=True, slots=True)
class HitList:
    """The hits of one kind; `has_more` if there are more than requested."""

    title: str
    hits: tuple[Hit, ...]
    has_more: bool


def find(text: str, *, most: int) -> list[HitList]:
    """The matches by kind, at most `most` of each; empty for an empty text. Three queries."""
    if not text:
        return []
    kinds = [
        _kind("Routing groups", RoutingGroup.objects.matching(q=text), _of_group, most),
        _kind("Providers", Provider.objects.matching(q=text), _of_provider, most),
        _kind("Models", LanguageModel.objects.select_related("provider").matching(q=text), _of_model, most),
    ]
    return [kind for kind in kinds if kind.hits]


def _kind(title: str, rows: QuerySet[Any], hit_of: Callable[[Any], Hit], most: int) -> HitList:
    hits = tuple(hit_of(row) for row in rows[: most + 1])
    return HitList(title, hits[:most], has_more=len(hits) > most)


def _of_group(group: RoutingGroup) -> Hit:
    note = group.get_strategy_display()
    return Hit(group.pk, group.name, note if group.is_active else f"{note}, inactive", "group-detail")


def _of_provider(provider: Provider) -> Hit:
    return Hit(provider.pk, provider.name, preset_of(provider.type).display_name, "provider-detail", disc_of(provider))


def _of_model(model: LanguageModel) -> Hit:
    title = model.display_name or model.name
    note = model.provider.name if title == model.name else f"{model.provider.name} · {model.name}"
    return Hit(model.pk, title, note, "model-detail", disc_of(model.provider))
