"""The health of providers, by their probes and their attempts: one rule for every page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from providers.models import Provider
from usage.health.recent import Tries, tries_since
from usage.percents import percent

RECENT, LAST_HOUR = timedelta(minutes=5), timedelta(hours=1)
LEAST_TRIES, FAILING_SHARE, LEAST_OF_ALL = 5, 0.5, 2


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """Attempts of the last 5 minutes and of the last hour; `is_up` is by those and the last probe."""

    is_up: bool = True
    recent: Tries | None = None
    last_hour: Tries | None = None

    @property
    def trouble(self) -> str:
        """The problem of its recent traffic: `8 of 10 attempts failed in the last 5 minutes`; else empty."""
        if self.recent is None or not is_failing(self.recent):
            return ""
        return f"{self.recent.failed:,} of {self.recent.tried:,} attempts failed in the last 5 minutes"

    @property
    def error_rate(self) -> str:
        """`12.0% of 340 attempts failed in the last hour`; empty without attempts."""
        if self.last_hour is None or not self.last_hour.tried:
            return ""
        tries = self.last_hour
        them = "1 attempt" if tries.tried == 1 else f"{tries.tried:,} attempts"
        return f"{percent(tries.failed_share)} of {them} failed in the last hour"


@dataclass(frozen=True, slots=True)
class ProviderCount:
    """The numbers of all providers, of enabled ones, and of enabled ones that are up."""

    all: int
    on: int
    up: int

    @property
    def failing(self) -> int:
        return self.on - self.up


def is_up(*, has_error: bool, recent: Tries | None) -> bool:
    """Whether a provider is up: its last probe or check did not fail, and its traffic does not say otherwise.

    Its traffic does if at least half of 5 or more attempts of the last 5 minutes failed, or each of 2 or more,
    regardless of the probe: a probe may list models while every completion fails. `usage/request_log/attempts.py`
    defines a failure. A single attempt does not count. A disabled provider is neither up nor down and must be left out
    of counts.
    """
    return not has_error and not (recent is not None and is_failing(recent))


def is_failing(tries: Tries) -> bool:
    """At least half of at least 5 attempts failed, or each of at least 2."""
    if tries.tried < LEAST_TRIES:
        return tries.failed == tries.tried >= LEAST_OF_ALL
    return tries.failed_share >= FAILING_SHARE


def health_of(providers: Iterable[Provider]) -> dict[UUID, ProviderHealth]:
    """The health of these providers by id; two queries."""
    recent, last_hour = _by_provider(tries_since(RECENT)), _by_provider(tries_since(LAST_HOUR))
    found = {}
    for provider in providers:
        late = _tries_of(provider, recent)
        found[provider.pk] = ProviderHealth(
            is_up(has_error=bool(provider.error), recent=late), late, _tries_of(provider, last_hour)
        )
    return found


def count_providers() -> ProviderCount:
    """Counts all providers; two queries."""
    recent = _by_provider(tries_since(RECENT))
    providers = list(Provider.objects.only("name", "error", "enabled"))
    on = [one for one in providers if one.enabled]
    up = sum(is_up(has_error=bool(one.error), recent=_tries_of(one, recent)) for one in on)
    return ProviderCount(len(providers), len(on), up)


def _by_provider(tries: Iterable[Tries]) -> dict[str, Tries]:
    return {one.provider: one for one in tries}


def _tries_of(provider: Provider, tries: Mapping[str, Tries]) -> Tries | None:
    """Attempts without an id are identified by the provider's name."""
    return tries.get(str(provider.pk)) or tries.get(provider.name)
