"""What happened a moment ago, in slices of time: counted as the log is written."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests.usage.log import finished, log
from tests.usage.logged import tried
from usage.health.recent import KEPT_FOR, Tries, forget_recent, groups_moving_on, tries_since
from usage.models import RecentCount
from usage.request_log.finished import PROBE
from usage.request_log.retention import purge

pytestmark = pytest.mark.django_db
FIVE = timedelta(minutes=5)


def failed(provider: str = "Nebius") -> dict:
    return tried(provider, status="error", provider_id=provider.lower())


def test_attempts_are_counted_by_provider_also_where_another_answered():
    log(*(finished(attempts=[failed(), tried("Azure", provider_id="azure")]) for _ in range(3)))
    log(finished(attempts=[tried("Nebius", provider_id="nebius")]))
    assert tries_since(FIVE) == [Tries("azure", "Azure", 3, 0), Tries("nebius", "Nebius", 4, 3)]


def test_a_request_counts_when_it_ends_and_not_when_it_began():
    began = timezone.now() - timedelta(minutes=20)
    log(finished(started_at=began, duration_ms=20 * 60_000, attempts=[failed()]))
    log(finished(started_at=began, duration_ms=60_000, attempts=[failed("Old")]))
    assert [tries.name for tries in tries_since(FIVE)] == ["Nebius"]
    assert [tries.name for tries in tries_since(timedelta(hours=1))] == ["Nebius", "Old"]


@pytest.mark.django_db(transaction=True)  # it closes its connection
def test_what_is_too_old_is_not_counted_and_what_became_so_is_forgotten():
    log(finished(days_ago=1, attempts=[failed()]))
    assert not RecentCount.objects.exists()
    log(finished(attempts=[failed(), tried()]))
    forget_recent()
    assert set(RecentCount.objects.values_list("kind", flat=True)) == {"provider", "group", "total", "moved"}
    RecentCount.objects.update(start=timezone.now() - KEPT_FOR - FIVE)
    purge()
    assert not RecentCount.objects.exists()


def test_sums_made_once_more_count_nothing_twice():
    log(finished(attempts=[failed()]))
    call_command("rebuild_usage")
    assert tries_since(FIVE) == [Tries("nebius", "Nebius", 1, 1)]


def test_a_window_is_one_query_for_a_log_of_any_size(django_assert_num_queries):
    log(*(finished(attempts=[failed(f"P{number}")]) for number in range(30)))
    with django_assert_num_queries(1):
        assert len(tries_since(FIVE)) == 30


def test_groups_whose_requests_failed_or_moved_on_are_found_those_with_the_most_first():
    log(*(finished(model_group="moves", attempts=[failed(), tried("Azure")]) for _ in range(2)))
    log(*(finished(model_group="fails", status=503, attempts=[failed()]) for _ in range(3)))
    log(finished(model_group="gives up", status=503, attempts=[]), finished(model_group="well", attempts=[tried()]))
    log(finished(model_group="", status=503), finished(model_group="fails", endpoint=PROBE, status=503))
    assert groups_moving_on(FIVE, most=5) == ["fails", "moves", "gives up"]
    assert groups_moving_on(FIVE, most=1) == ["fails"]
