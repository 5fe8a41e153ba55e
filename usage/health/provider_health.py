"""The health of providers, by their probes, their attempts and what cools down: one rule for every page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from engine.core.state import DEPLOYMENT, KEY
from groups.models import Deployment
from providers.models import Provider
from usage.health.cooldown_board import BY_HAND, CoolingDown
from usage.health.recent import Tries, tries_since
from usage.percents import percent

RECENT, LAST_HOUR = timedelta(minutes=5), timedelta(hours=1)
LEAST_TRIES, FAILING_SHARE, LEAST_OF_ALL = 5, 0.5, 2


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """Attempts of the last 5 minutes and of the last hour; `is_up` is by those, the last probe and `is_cut_off`."""

    is_up: bool = True
    recent: Tries | None = None
    last_hour: Tries | None = None
    is_cut_off: bool = False

    @property
    def trouble(self) -> str:
        """The problem of its recent traffic: `8 of 10 attempts failed in the last 5 minutes`; else empty."""
        if self.recent is not None and is_failing(self.recent):
            return f"{self.recent.failed:,} of {self.recent.tried:,} attempts failed in the last 5 minutes"
        return "All its deployments are cooling down after failures" if self.is_cut_off else ""

    @property
    def error_rate(self) -> str:
        """`12.0% of 340 attempts failed in the last hour`; empty without attempts."""
        if self.last_hour is None or not self.last_hour.tried:
            return ""
        tries = self.last_hour
        them = "1 attempt" if tries.tried == 1 else f"{tries.tried:,} attempts"
        return f"{percent(tries.failed_share)} of {them} failed in the last hour"


def is_up(*, has_error: bool, recent: Tries | None, is_cut_off: bool = False) -> bool:
    """Whether a provider is up: its last probe or check did not fail, and its traffic does not say otherwise.

    Its traffic does if at least half of 5 or more attempts of the last 5 minutes failed, or each of 2 or more,
    regardless of the probe: a probe may list models while every completion fails. `usage/request_log/attempts.py`
    defines a failure. A single attempt does not count. A disabled provider is neither up nor down and must be left out
    of counts. One that is cut off is not up: what it answered before is of no use to the next request.
    """
    return not has_error and not is_cut_off and not (recent is not None and is_failing(recent))


def is_failing(tries: Tries) -> bool:
    """At least half of at least 5 attempts failed, or each of at least 2."""
    if tries.tried < LEAST_TRIES:
        return tries.failed == tries.tried >= LEAST_OF_ALL
    return tries.failed_share >= FAILING_SHARE


def health_of(providers: Iterable[Provider], cooldowns: Iterable[CoolingDown]) -> dict[UUID, ProviderHealth]:
    """The health of these providers by id; two queries, or three."""
    recent, last_hour = _by_provider(tries_since(RECENT)), _by_provider(tries_since(LAST_HOUR))
    cut = cut_off_providers(cooldowns)
    found = {}
    for provider in providers:
        late, is_cut = _tries_of(provider, recent), str(provider.pk) in cut
        up = is_up(has_error=bool(provider.error), recent=late, is_cut_off=is_cut)
        found[provider.pk] = ProviderHealth(up, late, _tries_of(provider, last_hour), is_cut)
    return found


def cut_off_providers(cooldowns: Iterable[CoolingDown]) -> dict[str, str]:
    """The ids of providers that no request goes to, since all that they have in active groups failed and cools down, or
    is tried by one request at a time; each with a class of its errors. One query, none while nothing cools."""
    cooling = {one.id: one.error_class for one in cooldowns if one.error_class != BY_HAND}
    models = [UUID(name.removeprefix(DEPLOYMENT)) for name in cooling if name.startswith(DEPLOYMENT)]
    keys = {name.removeprefix(KEY): why for name, why in cooling.items() if name.startswith(KEY)}
    return (_all_cooling(models, cooling) if models else {}) | keys


def _all_cooling(models: Iterable[UUID], cooling: Mapping[str, str]) -> dict[str, str]:
    """Of the providers of these models, those without another one in an active group."""
    active = Deployment.objects.filter(group__is_active=True)
    theirs = active.filter(model__provider__models__in=models).values_list("model__provider_id", "model_id")
    found: dict[str, list[str | None]] = defaultdict(list)
    for provider, model in theirs.distinct():
        found[str(provider)].append(cooling.get(f"{DEPLOYMENT}{model}"))
    return {provider: whys[0] for provider, whys in found.items() if whys[0] is not None and None not in whys}


def _by_provider(tries: Iterable[Tries]) -> dict[str, Tries]:
    return {one.provider: one for one in tries}


def _tries_of(provider: Provider, tries: Mapping[str, Tries]) -> Tries | None:
    """Attempts without an id are identified by the provider's name."""
    return tries.get(str(provider.pk)) or tries.get(provider.name)
