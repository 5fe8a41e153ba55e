"""The schedule and the results of probes.

A probe's lease is the provider's own `next_probe_at`: the process that moves it on with a conditional UPDATE makes the
probe. If a prober dies, its provider is due again soon.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Coalesce
from django.db.transaction import atomic
from django.utils import timezone

from engine.probes.findings import Finding, Target, Trouble
from providers import secrets
from providers.exceptions import UnreadableKey
from providers.models import LanguageModel, Probe, Provider
from providers.presets import preset_of
from providers.secrets import Credentials

LEASE = timedelta(seconds=60)
JITTER = 0.1
AT_ONCE = 20
KEPT_PROBES = 500
KEPT_FOR = timedelta(days=7)
ALARMING_FAILURES = 3
# The newest probe counts for a fifth of the average, which forgets old ones after about ten.
NEWEST_SHARE = 0.2
# Models that can't generate a chat token.
OTHER_MODES = frozenset(
    {"embedding", "rerank", "image_generation", "audio_transcription", "audio_speech", "moderation"}
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A provider to probe; without a target the finding is known already.

    `asks_dialects`: nobody knows which dialects are spoken at its address.
    """

    provider_id: UUID
    target: Target | None
    finding: Finding | None = None
    asks_dialects: bool = False


def claim_due(*, interval_s: float, rng: random.Random) -> list[Claim]:
    """Claims the due probes.

    A new provider's first probe is after one interval, because its author has just tested it.
    """
    now = timezone.now()
    _schedule_newcomers(now, interval_s, rng)
    due = Provider.objects.filter(enabled=True, next_probe_at__lte=now).order_by("next_probe_at")
    mine = [row for row in due.select_related("key")[:AT_ONCE] if _take(row, now)]
    return [claim_of(row) for row in mine]


def _schedule_newcomers(now: datetime, interval_s: float, rng: random.Random) -> None:
    for pk in Provider.objects.filter(enabled=True, next_probe_at=None).values_list("pk", flat=True):
        at = now + spread(interval_s, rng)
        Provider.objects.filter(pk=pk, next_probe_at=None).update(next_probe_at=at)


def _take(row: Provider, now: datetime) -> bool:
    """Whether this process has claimed the provider's probe."""
    return bool(Provider.objects.filter(pk=row.pk, next_probe_at=row.next_probe_at).update(next_probe_at=now + LEASE))


def spread(interval_s: float, rng: random.Random) -> timedelta:
    """An interval, a little shorter or longer, so that providers are not all probed together."""
    return timedelta(seconds=interval_s * rng.uniform(1 - JITTER, 1 + JITTER))


def claim_of(provider: Provider) -> Claim:
    """The claim for a provider; a missing or unreadable key is a finding by itself."""
    try:
        keys = secrets.read(provider.key) if hasattr(provider, "key") else Credentials()
    except UnreadableKey as error:
        return Claim(provider.pk, None, _unusable(str(error)))
    if keys.api_key is None and preset_of(provider.type).needs_key and not provider.api_base:
        return Claim(provider.pk, None, _unusable(f"{provider.name} has no API key."))
    return Claim(provider.pk, target_with(provider, keys), asks_dialects=provider.dialects_probed_at is None)


def target_with(provider: Provider, keys: Credentials) -> Target:
    """The target of a saved provider with these credentials; a cheap model of it shows that there is credit."""
    return target_of(provider, keys, model=_cheapest_chat_model(provider))


def target_of(provider: Provider, keys: Credentials, *, model: str | None) -> Target:
    """The target of a provider, saved or not."""
    preset = preset_of(provider.type)
    options = ((field.name, provider.settings.get(field.name) or field.default) for field in preset.settings)
    return Target(
        provider=provider.name,
        provider_type=preset.litellm_provider,
        api_base=provider.api_base or preset.base_url,
        api_key=keys.api_key,
        model=model,
        options=tuple((name, value) for name, value in options if value),
        credentials=keys.others,
    )


def _unusable(why: str) -> Finding:
    return Finding(0.0, trouble=Trouble.UNUSABLE, error=why)


def _cheapest_chat_model(provider: Provider) -> str | None:
    rows = LanguageModel.objects.filter(provider=provider, enabled=True)
    rows = rows.order_by(F("output_cost_per_million").asc(nulls_last=True), "name")
    names = rows.values_list("name", "capabilities")[:50]
    return next((name for name, words in names if not OTHER_MODES.intersection(words)), None)


@atomic
def record(*, provider_id: UUID, finding: Finding, again_in: timedelta | None = None) -> None:
    """Writes a finding to the history and to the provider, and the time of the next probe, if given."""
    now, rows = timezone.now(), Provider.objects.filter(pk=provider_id)
    before = rows.select_for_update().values_list("latency_ms", flat=True)[:1]
    if not before:
        return  # deleted during the probe
    if finding.is_ok:
        latency_ms = moved_average(before[0], finding.latency_ms)
        rows.update(error="", error_since=None, failed_probes=0, latency_ms=latency_ms)
    else:
        since = Coalesce(F("error_since"), now)
        rows.update(error=finding.error[:512], error_since=since, failed_probes=F("failed_probes") + 1)
    if finding.spoken:
        rows.update(dialects_probed=dict(finding.spoken), dialects_probed_at=now)
    if again_in is not None:
        rows.update(next_probe_at=now + again_in)
    _write_history(provider_id, finding, now)


def moved_average(average_ms: float | None, newest_ms: float) -> float:
    """The exponential moving average of latencies after one more."""
    if average_ms is None:
        return round(newest_ms, 3)
    return round(average_ms + NEWEST_SHARE * (newest_ms - average_ms), 3)


def _write_history(provider_id: UUID, finding: Finding, now: datetime) -> None:
    Probe.objects.create(
        provider_id=provider_id,
        at=now,
        is_ok=finding.is_ok,
        latency_ms=finding.latency_ms,
        trouble=finding.trouble or "",
        error=finding.error[:512],
    )
    history = Probe.objects.filter(provider_id=provider_id)
    beyond = history.order_by("-at").values_list("at", flat=True)[KEPT_PROBES : KEPT_PROBES + 1]
    oldest = max([now - KEPT_FOR, *beyond])
    history.filter(at__lte=oldest).delete()


def failing(*, in_a_row: int = ALARMING_FAILURES) -> list[Provider]:
    """The enabled providers that failed enough probes in a row for an alert."""
    return list(Provider.objects.filter(enabled=True, failed_probes__gte=in_a_row))
