"""The schedule of probes, and the effect of a probe on a provider."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from engine.probes.findings import Finding, Trouble
from providers.health import probe_schedule
from providers.models import Probe, Provider
from tests.factories import make_provider

pytestmark = pytest.mark.django_db
DOWN = Finding(12.0, trouble=Trouble.SERVER_ERROR, error="Answered 503.")


def claims(interval_s: float = 300) -> list[probe_schedule.Claim]:
    return probe_schedule.claim_due(interval_s=interval_s, rng=random.Random(1))


def due(**fields) -> Provider:
    return make_provider(next_probe_at=timezone.now() - timedelta(seconds=1), **fields)


def test_a_new_provider_is_probed_after_one_interval_give_or_take():
    provider = make_provider()
    assert claims() == []
    provider.refresh_from_db()
    assert 270 <= (provider.next_probe_at - timezone.now()).total_seconds() <= 330


def test_what_is_due_is_claimed_once():
    provider = due()
    assert [claim.provider_id for claim in claims()] == [provider.id]
    assert claims() == []


def test_two_processes_that_saw_the_same_row_do_not_both_get_it():
    seen_by_both = due()
    assert probe_schedule._take(seen_by_both, timezone.now()) is True
    assert probe_schedule._take(seen_by_both, timezone.now()) is False


def test_a_prober_that_died_loses_its_lease():
    provider = due()
    claims()
    Provider.objects.filter(pk=provider.pk).update(next_probe_at=timezone.now() - timedelta(seconds=1))
    assert len(claims()) == 1


def test_a_disabled_provider_is_left_alone():
    due(enabled=False)
    make_provider(enabled=False)
    assert claims() == []


def test_without_its_key_there_is_nothing_to_call():
    due(name="Mine", type="openai", api_base="")
    (claim,) = claims()
    assert (claim.target, claim.finding and claim.finding.error) == (None, "Mine has no API key.")


def test_a_failure_keeps_the_time_of_the_first_and_counts():
    provider = make_provider()
    probe_schedule.record(provider_id=provider.pk, finding=DOWN)
    first = Provider.objects.get().error_since
    probe_schedule.record(provider_id=provider.pk, finding=DOWN)
    row = Provider.objects.get()
    assert (row.error, row.error_since, row.failed_probes) == ("Answered 503.", first, 2)
    assert row.latency_ms is None


def test_a_success_ends_the_error_and_moves_the_average():
    provider = make_provider(error="Down", error_since=timezone.now(), failed_probes=3, latency_ms=100.0)
    probe_schedule.record(provider_id=provider.pk, finding=Finding(200.0), again_in=timedelta(seconds=300))
    row = Provider.objects.get()
    assert (row.status, row.error_since, row.failed_probes, row.latency_ms) == ("active", None, 0, 120.0)
    assert row.next_probe_at > timezone.now() + timedelta(seconds=290)


def test_the_history_is_bounded_by_number_and_by_age():
    provider, now = make_provider(), timezone.now()
    old = [Probe(provider=provider, at=now - timedelta(days=8), is_ok=True, latency_ms=1)]
    many = [Probe(provider=provider, at=now - timedelta(minutes=n), is_ok=True, latency_ms=1) for n in range(1, 600)]
    Probe.objects.bulk_create(old + many)
    probe_schedule.record(provider_id=provider.pk, finding=DOWN)
    history = Probe.objects.filter(provider=provider)
    assert (history.count(), history.first().trouble) == (probe_schedule.KEPT_PROBES, "server_error")


def test_a_provider_that_was_deleted_meanwhile_is_no_error():
    provider = make_provider()
    pk = provider.pk
    provider.delete()
    probe_schedule.record(provider_id=pk, finding=DOWN)
    assert not Probe.objects.exists()


def test_it_is_alarming_after_three_failures_in_a_row():
    for failures in (2, 3):
        make_provider(name=f"failed {failures}", failed_probes=failures)
    make_provider(enabled=False, failed_probes=9)
    assert [provider.name for provider in probe_schedule.failing()] == ["failed 3"]
