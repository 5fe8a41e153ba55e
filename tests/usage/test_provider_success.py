"""A provider's success is counted from its attempts, wherever it is shown: a provider that failed all of them never
shows 100%."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import Client

from access.models import User
from tests.factories import make_provider
from tests.page import html_of
from tests.usage.log import finished, log
from tests.usage.logged import request_of, tried
from usage.analytics import AnalyticsQuery, by, over_time, totals
from usage.analytics.provider_stats import provider_stats
from usage.models import Grain, UsageBucket

pytestmark = pytest.mark.django_db
USAGE = "/api/v1/llm/usage"


def rescued(times: int, **fields: Any) -> None:
    """Azure answers what Nebius failed."""
    first = tried("Nebius", status="error", moved_on="fallback_error")
    for number in range(times):
        attempts = [first, tried("Azure")]
        log(request_of(f"{number:04x}", provider="Azure", deployment_name="Azure gpt", attempts=attempts, **fields))


def rates() -> dict[str, float | None]:
    return {line.name: line.totals.attempt_success_rate for line in by(AnalyticsQuery(), "provider")}


def test_a_provider_that_failed_every_attempt_has_no_success():
    rescued(3)
    assert rates() == {"Azure": 1.0, "Nebius": 0.0}
    assert totals(AnalyticsQuery()).success_rate == 1.0


def test_its_requests_are_still_those_of_who_answered():
    rescued(3)
    lines = {line.name: line.totals for line in by(AnalyticsQuery(), "provider")}
    assert (lines["Nebius"].requests, lines["Nebius"].attempts, lines["Nebius"].failed_attempts) == (0, 3, 3)
    assert (lines["Azure"].requests, lines["Azure"].attempts, lines["Azure"].failed_attempts) == (3, 3, 0)
    assert totals(AnalyticsQuery()).requests == 3


def test_retries_at_one_provider_are_attempts_of_it():
    attempts = [tried("Nebius", status="error"), tried("Nebius", status="error"), tried("Nebius")]
    log(request_of("a", attempts=attempts))
    (line,) = by(AnalyticsQuery(), "provider")
    assert (line.totals.requests, line.totals.attempts, line.totals.failed_attempts) == (1, 3, 2)


def test_the_callers_mistakes_do_not_count_against_a_provider():
    log(request_of("a", status=400, attempts=[tried(status="error", status_code=400)]), request_of("b"))
    assert rates() == {"Nebius": 1.0}


def test_a_request_without_an_attempt_counts_for_no_provider():
    log(finished(status=429, error_class="all_cooling_down", attempts=[]))
    assert rates() == {}


def test_days_months_and_the_filters_of_usage_count_the_same_attempts():
    rescued(2, team_id="t", team="core")
    assert sum(point.totals.attempts for point in over_time(AnalyticsQuery(provider="Nebius"))) == 2
    assert totals(AnalyticsQuery(team="t", provider="Nebius")).failed_attempts == 2
    assert totals(AnalyticsQuery(team="other", provider="Nebius")).attempts == 0
    for grain in Grain:
        assert sum(UsageBucket.objects.filter(grain=grain).values_list("failed_attempts", flat=True)) == 2


def test_sums_made_from_the_log_once_more_are_the_same():
    rescued(2)
    before = rates()
    call_command("rebuild_usage")
    assert rates() == before


def test_the_usage_api_says_so_of_providers_and_models(as_charlie):
    rescued(3)
    said = as_charlie.get(USAGE).json()
    lines = {line["provider"]: line for line in said["by_provider"]}
    assert (lines["Nebius"]["success_rate"], lines["Nebius"]["attempts"]) == (0.0, 3)
    assert {line["model"]: line["success_rate"] for line in said["by_model"]} == {"Azure gpt": 1.0, "Nebius llama": 0.0}
    assert said["success_rate"] == 1.0
    narrowed = as_charlie.get(USAGE, {"provider": "Nebius"}).json()
    assert (narrowed["success_rate"], narrowed["by_day"][-1]["success_rate"]) == (0.0, 0.0)


def test_the_usage_page_says_so(alice: User, client: Client):
    client.force_login(alice)
    rescued(3)
    assert "Nebius: 0\u202f%" in html_of(client.get("/usage"))
    narrowed = html_of(client.get("/usage?provider=Nebius"))
    figure = narrowed.split("Success rate</p>")[1].split("</li>")[0]
    assert ">0\u202f%</p>" in figure
    assert "3 of 3 attempts failed" in figure


def test_the_statistics_of_providers_say_so(alice: User, client: Client):
    make_provider(name="Nebius")
    rescued(3)
    assert provider_stats().by_provider["Nebius"].now.success_rate == 0.0
    assert provider_stats().by_provider["Azure"].now.success_rate == 1.0
    client.force_login(alice)
    row = html_of(client.get("/providers/figures")).split(">Nebius<")[1].split("</tr>")[0]
    assert "<td>3</td><td>0\u202f%</td>" in row


def test_what_was_summed_up_before_counts_the_attempt_that_decided_it():
    log(request_of("a"), request_of("b", status=503), finished(status=429))
    UsageBucket.objects.update(attempts=0, failed_attempts=0)
    importlib.import_module("usage.migrations.0010_count_attempts_by_provider").count_the_last_attempts(apps, None)
    assert rates() == {"Nebius": 0.5}
    assert totals(AnalyticsQuery()).attempts == 2
