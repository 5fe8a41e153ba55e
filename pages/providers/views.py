"""The page "LLM Provider Management", and the page of one provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from engine.core.state import KEY
from pages.guards import PersonRequest
from pages.parts import page_or_part
from pages.providers.cards import card_of
from pages.providers.page_rights import readers_only, rights
from pages.providers.protocols import protocols_of
from pages.providers.standby_lines import standby_card
from providers import rules, secrets
from providers.models import LanguageModel, Probe, Provider
from usage.analytics.provider_stats import provider_stats
from usage.health.cooldown_board import current_cooldowns
from usage.health.provider_health import health_of

WIDTH, HEIGHT, MARGIN = 640, 96, 8


@dataclass(frozen=True, slots=True)
class ProbeMark:
    """A probe that failed, at its position on the base line."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Polylines between failures, in a box of WIDTH x HEIGHT; the slowest probe is at the top."""

    pieces: tuple[str, ...]
    failures: tuple[ProbeMark, ...]
    slowest_ms: float
    count: int
    width: int = WIDTH
    height: int = HEIGHT


def sparkline_of(probes: Sequence[Probe]) -> Sparkline:
    """The sparkline of probes, oldest first; each takes the same width."""
    slowest = max((probe.latency_ms for probe in probes if probe.is_ok), default=0.0)
    step = (WIDTH - 2 * MARGIN) / max(1, len(probes) - 1)
    places = [(round(MARGIN + n * step, 1), _y(probe, slowest)) for n, probe in enumerate(probes)]
    pieces: list[list[str]] = [[]]
    for probe, (x, y) in zip(probes, places, strict=True):
        if probe.is_ok:
            pieces[-1].append(f"{x},{y}")
        else:
            pieces.append([])
    failures = tuple(ProbeMark(*place) for probe, place in zip(probes, places, strict=True) if not probe.is_ok)
    return Sparkline(tuple(" ".join(_line(piece)) for piece in pieces if piece), failures, slowest, len(probes))


def _y(probe: Probe, slowest_ms: float) -> float:
    share = probe.latency_ms / slowest_ms if probe.is_ok and slowest_ms else 0.0
    return round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN), 1)


def _line(piece: list[str]) -> list[str]:
    """A single point is drawn as a line to itself, with round ends."""
    return piece * 2 if len(piece) == 1 else piece


PAGE = "providers/provider_list.html"
MONTH = timedelta(days=30)
PROBES_DRAWN, PROBES_LISTED, MODELS_LISTED = 120, 20, 20


@require_safe
@vary_on_headers("HX-Request")
@readers_only
def provider_list(request: PersonRequest) -> HttpResponse:
    """All providers as cards, below four numbers; htmx reloads both."""
    providers = list(Provider.objects.with_catalog())
    health = health_of(providers, current_cooldowns())
    cards = [card_of(provider, health[provider.pk]) for provider in providers]
    context = {"cards": cards, "figures": _counted(cards), **rights(request)}
    return page_or_part(request, PAGE, "providers", context)


@require_safe
@vary_on_headers("HX-Request")
@readers_only
def provider_figures(request: PersonRequest) -> HttpResponse:
    """Calls and cost; separate from the cards, so that those load fast with a log of any length."""
    stats = provider_stats()
    ids = dict(Provider.objects.values_list("name", "pk"))
    lines = [(ids[name], name, traffic) for name, traffic in stats.by_provider.items() if name in ids]
    context = {"stats": stats, "lines": lines}
    return page_or_part(request, "providers/provider_figures.html", "figures-cells", context)


@require_safe
@readers_only
def provider_detail(request: PersonRequest, provider_id: UUID) -> HttpResponse:
    """One provider: its health, its probes, its models, and the groups that use it."""
    provider = get_object_or_404(Provider.objects.with_catalog(), pk=provider_id)
    probes = list(Probe.objects.filter(provider=provider)[:PROBES_DRAWN])
    cooldowns = current_cooldowns()
    context = {
        "card": card_of(provider, health_of([provider], cooldowns)[provider.pk]),
        "provider": provider,
        "breaker": f"{KEY}{provider.pk}",
        "cooldowns": [one for one in cooldowns if one.provider == provider.name],
        "hints": secrets.hints_of(provider),
        "protocols": protocols_of(provider),
        "standbys": standby_card(provider),
        "sparkline": sparkline_of(probes[::-1]),
        "probes": probes[:PROBES_LISTED],
        "models": provider.models.order_by("name")[:MODELS_LISTED],
        "groups": rules.groups_using(provider=provider),
        **rights(request),
    }
    return render(request, "providers/provider_detail.html", context)


def _counted(cards: list[Any]) -> dict[str, int]:
    """The counts from the rows."""
    lately = Q(created_at__gte=timezone.now() - MONTH)
    models = LanguageModel.objects.callable().aggregate(all=Count("pk"), new=Count("pk", filter=lately))
    return {
        "providers": len(cards),
        "switched_off": sum(not card.provider.enabled for card in cards),
        "failing": sum(card.is_failing for card in cards),
        "models": models["all"],
        "new_models": models["new"],
    }
