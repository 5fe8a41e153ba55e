"""Providers by their attempts: traffic decides the state, the last probe only where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from pages.discs import Disc, disc_of
from providers.models import Provider
from tester.scene.states import DEGRADED_FROM, LIMITED, REFUSED, CardState
from usage.health.cooldown_board import CoolingDown
from usage.health.provider_health import cut_off_providers, is_failing
from usage.health.recent import Tries, tries_since

WINDOW, RECENT = timedelta(minutes=15), timedelta(minutes=5)
MOST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class ProviderAttempts:
    """A provider with its attempts of the last 15 minutes. `answers`: it is as callers need it."""

    id: UUID
    name: str
    disc: Disc
    state: CardState
    tried: int
    answered: int

    @property
    def answered_share(self) -> float | None:
        """From 0 to 1; None without attempts."""
        return self.answered / self.tried if self.tried else None

    @property
    def answers(self) -> bool:
        return not self.state.is_bad


@dataclass(frozen=True, slots=True)
class ProviderLines:
    """The providers that come first, and the numbers of all that are on, and of those that answer."""

    shown: tuple[ProviderAttempts, ...]
    on: int
    answering: int

    @property
    def failing(self) -> int:
        return self.on - self.answering


def provider_lines(cooldowns: Iterable[CoolingDown]) -> ProviderLines:
    """Enabled providers, those that fail first; three queries, or four."""
    cooldowns = list(cooldowns)
    tries, recent = _by_provider(tries_since(WINDOW)), _by_provider(tries_since(RECENT))
    cut = cut_off_providers(cooldowns)
    lines = [
        _line(provider, tries, recent, cut.get(str(provider.pk))) for provider in Provider.objects.filter(enabled=True)
    ]
    lines.sort(key=lambda line: ([*CardState].index(line.state), -line.tried, line.name))
    return ProviderLines(tuple(lines[:MOST_SHOWN]), len(lines), sum(line.answers for line in lines))


def state_of(*, has_error: bool, recent: Tries | None, cut_off: str | None) -> CardState:
    """By the attempts of the last 5 minutes, else by the last probe; `cut_off` is why nobody asks it, None where
    somebody does. Pure."""
    if cut_off is not None or (recent is not None and is_failing(recent)):
        if cut_off in REFUSED:
            return CardState.KEY_REJECTED
        return CardState.OVER_QUOTA if cut_off in LIMITED else CardState.DOWN
    if recent is None or not recent.tried:
        return CardState.DOWN if has_error else CardState.STANDBY
    if has_error:
        return CardState.DOWN
    return CardState.DEGRADED if recent.failed_share >= DEGRADED_FROM else CardState.ANSWERING


def _line(
    provider: Provider, tries: Mapping[str, Tries], recent: Mapping[str, Tries], cut_off: str | None
) -> ProviderAttempts:
    told = tries.get(str(provider.pk)) or tries.get(provider.name)
    late = recent.get(str(provider.pk)) or recent.get(provider.name)
    state = state_of(has_error=bool(provider.error), recent=late, cut_off=cut_off)
    tried = told.tried if told else 0
    return ProviderAttempts(
        provider.pk, provider.name, disc_of(provider), state, tried, tried - told.failed if told else 0
    )


def _by_provider(tries: Iterable[Tries]) -> dict[str, Tries]:
    return {one.provider: one for one in tries}
