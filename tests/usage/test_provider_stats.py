"""Calls and cost by provider, beside the period before: from data, or not at all."""

from __future__ import annotations

import pytest

from tests.pages.providers.forms import make_request
from tests.usage.log import finished, log
from usage.analytics.provider_stats import Period, percent_more, provider_stats

pytestmark = pytest.mark.django_db


def test_a_request_counts_for_the_provider_that_was_asked_last():
    make_request(provider="A", cost_usd=1.0)
    make_request(provider="A", cost_usd=None)
    make_request(provider="B", cost_usd=0.25)
    stats = provider_stats()
    assert stats.total.now == Period(3, 1.25, attempts=6, failed_attempts=3)
    assert {name: traffic.now for name, traffic in stats.by_provider.items()} == {
        "A": Period(2, 1.0, attempts=2),
        "B": Period(1, 0.25, attempts=1),
        "Another": Period(0, 0.0, attempts=3, failed_attempts=3),
    }


def test_what_peoples_own_keys_paid_costs_us_nothing():
    log(finished(provider="A", cost_usd=1.0, is_own_key=True))
    assert provider_stats().total.now == Period(1, 0.0)


def test_the_period_before_is_compared_with():
    for days in (1, 2, 3, 35, 36, 70):
        make_request(provider="A", days_ago=days, cost_usd=1.0)
    stats = provider_stats()
    assert (stats.total.now.calls, stats.total.before) == (3, Period(2, 2.0))
    assert (stats.total.calls_trend, stats.total.cost_trend) == (50, 50)
    assert not stats.is_young


def test_one_without_a_request_is_not():
    make_request(provider="A", days_ago=1)
    stats = provider_stats()
    assert stats.total.before is None
    assert stats.total.calls_trend is None
    assert stats.is_young


def test_an_empty_log_says_nothing():
    stats = provider_stats()
    assert (stats.total.now, stats.total.calls_trend, stats.since, stats.is_young) == (Period(), None, None, False)


def test_growth_from_nothing_has_no_percentage():
    assert percent_more(3, 0) is None
    assert percent_more(3, 4) == -25


def test_two_queries(django_assert_num_queries):
    make_request(provider="A")
    with django_assert_num_queries(2):
        provider_stats()
