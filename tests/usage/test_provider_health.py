"""Whether a provider is up: by its probes and by its traffic, the same on every page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from providers.models import Provider
from tests.factories import make_group, make_model, make_provider
from tests.page import html_of, signed_in
from tests.usage.cooling import cooling
from tests.usage.log import finished, log
from tests.usage.logged import tried
from usage.health.cooldown_board import current_cooldowns
from usage.health.provider_health import health_of, is_up
from usage.health.recent import Tries
from usage.models import BreakerState, BreakerTrip

pytestmark = pytest.mark.django_db


def traffic(provider: Provider, *, failed: int, of: int, minutes_ago: float = 1) -> None:
    for number in range(of):
        status = "error" if number < failed else "success"
        attempt = tried(provider.name, status=status, provider_id=str(provider.pk))
        log(finished(days_ago=minutes_ago / 1440, attempts=[attempt]))


reader = signed_in("charlie")


@pytest.mark.parametrize(
    ("failed", "tried_times", "expected"),
    [
        (0, 0, True),
        (1, 1, True),
        (1, 2, True),
        (2, 2, False),
        (3, 4, True),
        (2, 5, True),
        (3, 5, False),
        (5, 10, False),
        (4, 10, True),
        (100, 100, False),
    ],
)
def test_half_of_five_failed_attempts_or_each_of_two_say_that_it_is_down(failed, tried_times, expected):
    assert is_up(has_error=False, recent=Tries("p", "P", tried_times, failed)) is expected


def test_a_failed_probe_counts_for_any_traffic():
    assert not is_up(has_error=True, recent=Tries("p", "P", 100, 0))
    assert not is_up(has_error=True, recent=None)


def test_what_is_longer_ago_than_five_minutes_says_nothing():
    provider = make_provider()
    traffic(provider, failed=9, of=9, minutes_ago=8)
    assert health_of([provider], [])[provider.pk].is_up
    traffic(provider, failed=9, of=9)
    assert not health_of([provider], [])[provider.pk].is_up


def test_the_overview_counts_a_provider_that_fails_its_callers_as_failing(reader):
    well, ill = make_provider(), make_provider()
    make_provider(enabled=False)
    traffic(well, failed=1, of=10)
    traffic(ill, failed=5, of=10)
    html = html_of(reader.get("/"))
    assert "1 failing" in html
    assert "none is failing" not in html


def test_a_card_says_the_error_rate_of_the_last_hour_and_that_it_is_failing(reader):
    provider = make_provider(name="Nebius")
    traffic(provider, failed=12, of=100, minutes_ago=30)
    html = html_of(reader.get("/providers"))
    assert "12.0\u202f% of 100 attempts failed in the last hour" in html
    assert "Active" in html
    traffic(provider, failed=8, of=10)
    html = html_of(reader.get("/providers"))
    assert "8 of 10 attempts failed in the last 5 minutes" in html
    assert "1 failing" in html
    assert "8 of 10 attempts failed in the last 5 minutes" in html_of(reader.get(f"/providers/{provider.pk}"))


def test_a_card_without_attempts_says_nothing_of_errors(reader):
    make_provider()
    assert "in the last hour" not in html_of(reader.get("/providers"))


def test_bad_requests_do_not_count_against_a_provider():
    provider = make_provider(name="Nebius")
    for _ in range(10):
        log(finished(status=400, attempts=[tried("Nebius", status="error", status_code=400)]))
    assert health_of([provider], [])[provider.pk].error_rate == ""
    assert health_of([provider], [])[provider.pk].is_up


@pytest.mark.parametrize("state", BreakerState)
def test_a_provider_is_down_while_all_that_it_has_in_active_groups_cools(reader, state):
    """It had answered thousands of requests in the last 5 minutes, and read Active though nobody asked it any more."""
    model, other = make_model(), make_model()
    second = make_model(provider=model.provider)
    make_group(name="chat", models=[model, second, other])
    make_group(name="draft", models=[make_model(provider=model.provider)], is_active=False)
    traffic(model.provider, failed=2, of=30)

    def states() -> list[bool]:
        health = health_of([model.provider, other.provider], current_cooldowns())
        return [health[one.provider_id].is_up for one in (model, other)]

    first = cooling(deployment_id=model.pk, state=state)
    assert states() == [True, True]
    cooling(deployment_id=second.pk, state=state, process=first.process)
    assert states() == [False, True]
    assert "All its deployments are cooling down after failures" in html_of(reader.get("/providers"))


def test_a_provider_whose_key_cools_is_down():
    provider = make_provider()
    cooling(breaker=f"key:{provider.pk}", deployment_id=None)
    assert not health_of([provider], current_cooldowns())[provider.pk].is_up


def test_a_provider_that_somebody_has_tripped_does_not_fail():
    model = make_model()
    make_group(name="chat", models=[model])
    times = {"since": timezone.now(), "until": timezone.now() + timedelta(minutes=5)}
    BreakerTrip.objects.create(breaker=f"deployment:{model.pk}", why="test", by="bob", **times)
    assert health_of([model.provider], current_cooldowns())[model.provider_id].is_up
