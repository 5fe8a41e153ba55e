"""The four thresholds: what is measured, what is raised once, what is over, and what admins may set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.core.exceptions import ValidationError
from django.utils import timezone

from access.actions import issue_key
from access.keys import COMMAND_LINE
from access.models import ApiKey, User
from lib.exceptions import NotAllowed
from providers import config_version
from tests.factories import make_provider
from tests.usage.log import finished, log
from tests.usage.logged import tried
from usage.alerting import RuleSetting, change_rules, current_rules, measures, settle, verdicts
from usage.alerting.alerts import raise_alert
from usage.alerting.measures import DayCosts, FailingProvider, KeyMinute
from usage.health.recent import Tries
from usage.models import Alert, AlertKind, AlertRule, RecentCount, RequestRecord

pytestmark = pytest.mark.django_db
NEBIUS = "0b6a2c34-0000-4000-8000-000000000001"


def opened(kind: AlertKind) -> list[str]:
    return list(Alert.objects.open().filter(kind=kind).values_list("message", flat=True))


def attempts(failed: int, of: int, *, provider_id: str = NEBIUS, age_min: float = 1) -> None:
    """Requests that another provider answered where Nebius failed."""
    for number in range(of):
        first = tried("Nebius", status="error" if number < failed else "success", provider_id=provider_id)
        then = [tried("Azure", provider_id="azure")] if number < failed else []
        log(finished(days_ago=age_min / 1440, provider="Azure", attempts=[first, *then]))


def spent(usd: float, *, days_ago: int, **fields: Any) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    log(finished(started_at=today - timedelta(days=days_ago), cost_usd=usd, **fields))


@pytest.fixture
def limited(charlie: User) -> ApiKey:
    return issue_key(by=COMMAND_LINE, owner=charlie, name="ci", rpm=10, tpm=1000)[0]


def asked(key: ApiKey, times: int, **fields: Any) -> None:
    log(*(finished(key_id=str(key.pk), key_name=key.name, **{"input_tokens": 1, **fields}) for _ in range(times)))


def refused(key: ApiKey, times: int) -> None:
    asked(key, times, status=429, error_class="rate_limit_exceeded", input_tokens=None)


def setting(kind: AlertKind, threshold: float, by: User, *, is_enabled: bool = True) -> None:
    change_rules(by=by, settings={kind: RuleSetting(threshold, is_enabled)})


def test_a_provider_that_failed_three_probes_is_down_until_one_succeeds():
    provider = make_provider(name="Nebius", failed_probes=2, error="Timeout")
    settle()
    assert opened(AlertKind.PROVIDER_DOWN) == []
    provider.failed_probes = 3
    provider.save()
    settle()
    settle()
    (message,) = opened(AlertKind.PROVIDER_DOWN)
    assert message.startswith("Nebius has failed 3 probes in a row since some time: Timeout. Test it")
    provider.failed_probes = 0
    provider.save()
    settle()
    assert (opened(AlertKind.PROVIDER_DOWN), Alert.objects.count()) == ([], 1)


def test_what_to_do_is_said_also_after_a_long_error():
    (found,) = verdicts.provider_down([FailingProvider("p", "Nebius", 3, "x" * 512, timezone.now())])
    assert len(found.message) < 512
    assert found.message.endswith("if it stays down, disable it.")


def test_a_day_of_twice_the_usual_cost_is_a_spike_until_the_next_day():
    for days_ago in range(1, 8):
        spent(10.0, days_ago=days_ago)
    spent(20.0, days_ago=0)
    settle()
    assert opened(AlertKind.COST_SPIKE) == []
    spent(5.0, days_ago=0)
    settle()
    settle()
    (message,) = opened(AlertKind.COST_SPIKE)
    assert message.startswith("Today has cost $25.00 by now, 2.5 times the $10.00 of an average day (the last 7).")
    assert verdicts.cost_spike(DayCosts(0.0, (25.0, *[10.0] * 6)), 2) == []


def test_costs_of_the_eighth_day_and_of_peoples_own_keys_do_not_count():
    spent(70.0, days_ago=8)
    spent(7.0, days_ago=7)
    spent(9.0, days_ago=0, is_own_key=True)
    spent(3.0, days_ago=0)
    assert measures.day_costs() == DayCosts(3.0, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0))


@pytest.mark.parametrize(
    ("today", "before", "is_spike"),
    [
        (50.0, (), False),
        (50.0, (1.0, 1.0), False),
        (0.99, (0.1, 0.1, 0.1), False),
        (1.01, (0.1, 0.1, 0.1), True),
        (3.0, (1.0, 1.0, 3.0), False),
        (5.0, (0.0, 0.0, 0.0), True),
    ],
)
def test_a_spike_takes_three_days_to_compare_with_and_a_dollar(today, before, is_spike):
    assert bool(verdicts.cost_spike(DayCosts(today, before), 2)) is is_spike


def test_a_day_after_days_of_next_to_nothing_is_told_without_a_factor():
    (found,) = verdicts.cost_spike(DayCosts(5.0, (0.0, 0.0, 0.001)), 2)
    assert "$5.00 by now, after next to nothing on an average day (the last 3)" in found.message


def test_errors_are_counted_also_where_another_provider_answered():
    attempts(2, 20)
    settle()
    settle()
    (message,) = opened(AlertKind.ERROR_RATE)
    assert message.startswith(
        "Nebius failed 2 of 20 attempts in the last 10 minutes (10.0\u202f%, alarming over 5\u202f%)"
    )
    assert Alert.objects.get().subject == NEBIUS
    RecentCount.objects.update(start=timezone.now() - timedelta(minutes=12))
    settle()
    assert opened(AlertKind.ERROR_RATE) == []


def test_a_few_attempts_say_nothing_nor_do_those_of_before():
    attempts(9, 19)
    attempts(30, 30, age_min=12)
    settle()
    assert opened(AlertKind.ERROR_RATE) == []


def test_callers_mistakes_those_who_left_and_peoples_own_keys_are_not_the_providers_errors():
    bad = [
        tried("Nebius", status="error", status_code=400),
        tried("Nebius", status="cancelled", status_code=None),
        tried("Nebius", status="error", status_code=401, own_key=True),
    ]
    good = [tried("Nebius", own_key=False), tried("Nebius", status="error", status_code=None)]
    log(finished(attempts=bad + good), finished(attempts=[]))
    assert measures.recent_tries() == [Tries("Nebius", "Nebius", 2, 1)]


def test_an_open_alert_stays_until_the_errors_are_under_80_percent_of_the_threshold():
    def is_raised(failed: int, tried_times: int, *open: str) -> bool:
        return bool(verdicts.error_rate([Tries("n", "N", tried_times, failed)], 5, open=open))

    assert not is_raised(5, 100)
    assert is_raised(6, 100)
    assert is_raised(4, 100, "n")
    assert not is_raised(3, 100, "n")
    assert is_raised(1, 10, "n")
    assert not is_raised(0, 0, "n")


def test_a_key_near_its_limit_is_named_once_until_it_asks_less(limited):
    asked(limited, 8)
    settle()
    assert opened(AlertKind.RATE_LIMIT) == []
    asked(limited, 1)
    settle()
    settle()
    (message,) = opened(AlertKind.RATE_LIMIT)
    assert message.startswith("The key 'ci' of charlie used 9 of its 10 requests in a minute (90\u202f%).")
    RequestRecord.objects.update(started_at=timezone.now() - timedelta(seconds=61))
    settle()
    assert opened(AlertKind.RATE_LIMIT) == []


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, "model_not_allowed"), (403, "missing_scope"), (404, "model_not_found"), (400, "invalid_request_error")],
)
def test_what_is_turned_away_before_the_limits_counts_for_none(limited, status, error):
    asked(limited, 100, status=status, error_class=error, input_tokens=None)
    settle()
    assert opened(AlertKind.RATE_LIMIT) == []
    refused(limited, 1)
    settle()
    assert "and 1 request was refused" in opened(AlertKind.RATE_LIMIT)[0]


def test_tokens_count_as_well_and_a_refused_key_is_over_the_limit(limited):
    asked(limited, 1, input_tokens=800, output_tokens=101)
    settle()
    assert "901 of its 1,000 tokens in a minute (90\u202f%)" in opened(AlertKind.RATE_LIMIT)[0]
    refused(limited, 2)
    settle()
    assert "and 2 requests were refused" in opened(AlertKind.RATE_LIMIT)[0]


def test_keys_without_limits_revoked_ones_and_other_callers_are_not_watched(limited, charlie):
    free = issue_key(by=COMMAND_LINE, owner=charlie, name="free")[0]
    asked(free, 50)
    asked(limited, 50)
    log(finished(key_id="no-id"), finished(key_id=""))
    assert [minute.name for minute in measures.key_minutes()] == ["ci"]
    ApiKey.objects.filter(pk=limited.pk).update(revoked_at=timezone.now())
    assert measures.key_minutes() == []


def test_a_key_stays_named_until_it_is_under_80_percent_of_the_threshold():
    def is_raised(requests: int, *open: str) -> bool:
        minute = KeyMinute("k", "ci", "bob", 100, None, requests, 0, 0)
        return bool(verdicts.rate_limit([minute], 80, open=open))

    assert [is_raised(80), is_raised(81), is_raised(65, "k"), is_raised(64, "k")] == [False, True, True, False]


def test_a_threshold_that_is_changed_counts_from_the_next_look_on(alice, limited):
    make_provider(failed_probes=1, error="Timeout")
    asked(limited, 5)
    settle()
    assert not Alert.objects.exists()
    setting(AlertKind.PROVIDER_DOWN, 1, alice)
    setting(AlertKind.RATE_LIMIT, 40, alice)
    settle()
    assert {alert.kind for alert in Alert.objects.open()} == {"provider_down", "rate_limit"}
    setting(AlertKind.RATE_LIMIT, 90, alice)
    settle()
    assert [alert.kind for alert in Alert.objects.open()] == ["provider_down"]


def test_a_rule_that_is_switched_off_resolves_its_alerts_at_once_and_raises_none(alice):
    make_provider(failed_probes=9, error="Timeout")
    settle()
    setting(AlertKind.PROVIDER_DOWN, 3, alice, is_enabled=False)
    assert not Alert.objects.open().exists()
    settle()
    assert not Alert.objects.open().exists()


def test_a_change_is_counted_and_kept_in_the_audit_log(alice):
    version = config_version.current()
    setting(AlertKind.ERROR_RATE, 7.5, alice)
    setting(AlertKind.ERROR_RATE, 7.5, alice)
    assert config_version.current() == version + 2
    entry = LogEntry.objects.get()
    assert (entry.changes, entry.additional_data["by"]) == ({"threshold": ["5", "7.5"]}, "alice")
    assert AlertRule.objects.get().updated_by == "alice"
    assert current_rules()[AlertKind.ERROR_RATE].threshold == 7.5


@pytest.mark.parametrize(
    ("kind", "threshold", "why"),
    [
        (AlertKind.PROVIDER_DOWN, 0, "Give a whole number from 1 to 100."),
        (AlertKind.PROVIDER_DOWN, 2.5, "Give a whole number from 1 to 100."),
        (AlertKind.COST_SPIKE, 1, "Give a number from 1.1 to 100."),
        (AlertKind.ERROR_RATE, 100, "Give a number from 0.5 to 99."),
        (AlertKind.RATE_LIMIT, float("nan"), "Give a number from 1 to 99."),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused_and_nothing_is_changed(alice, kind, threshold, why):
    fine = {AlertKind.COST_SPIKE: RuleSetting(3)} if kind != AlertKind.COST_SPIKE else {}
    with pytest.raises(ValidationError) as error:
        change_rules(by=alice, settings={**fine, kind: RuleSetting(threshold)})
    assert error.value.message_dict == {kind.value: [why]}
    assert not AlertRule.objects.exists()


def test_only_admins_change_thresholds(bob):
    with pytest.raises(NotAllowed, match="role admin"):
        setting(AlertKind.ERROR_RATE, 7, bob)


def test_an_alert_raised_while_another_process_looked_is_not_resolved_by_it(monkeypatch):
    raise_alert(kind=AlertKind.ERROR_RATE, subject="old", message="old")

    def meanwhile() -> list[Tries]:
        raise_alert(kind=AlertKind.ERROR_RATE, subject="new", message="new")
        return []

    monkeypatch.setattr(measures, "recent_tries", meanwhile)
    settle([AlertKind.ERROR_RATE])
    assert opened(AlertKind.ERROR_RATE) == ["new"]


def test_a_look_takes_the_same_queries_for_many(charlie, django_assert_num_queries):
    for _ in range(5):
        key = issue_key(by=COMMAND_LINE, owner=charlie, name="ci", rpm=100)[0]
        asked(key, 1, attempts=[tried("Nebius")])
    with django_assert_num_queries(11):
        settle()
