"""Which standbys are due, what came of their test requests, and the alert of those that are dead."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.utils import timezone

from providers.models import LanguageModel, Provider
from tests.factories import make_group, make_model, make_provider
from tests.usage.log import finished, log
from tests.usage.logged import tried
from usage import alerting, analytics
from usage.health import standby_proofs
from usage.health.dead_standbys import dead_standbys
from usage.health.provider_health import health_of
from usage.health.recent import tries_since
from usage.health.response_times import response_times
from usage.health.standby_proofs import DueStandby, ProofResult, standby_states
from usage.models import Alert, AlertKind, BreakerTrip, RequestRecord, StandbyProof

pytestmark = pytest.mark.django_db
DAY_S = 86_400.0
REFUSED = ProofResult("Nebius answered 503: down for repair.", call_id="c")


@pytest.fixture
def model() -> LanguageModel:
    model = make_model(provider=make_provider(name="Nebius"), name="llama", capabilities=["chat"])
    make_group(name="support", models=[model])
    return model


def rng() -> Random:
    return Random(1)


def enlist(*models: LanguageModel) -> None:
    standby_proofs.enlist([str(model.pk) for model in models], after_s=DAY_S, rng=rng())


def claims(*models: LanguageModel) -> list[DueStandby]:
    """Those that are claimed with everything due."""
    StandbyProof.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    return standby_proofs.claim_due({str(model.pk) for model in models}, after_s=DAY_S, rng=rng())


def told(model: LanguageModel, result: ProofResult) -> StandbyProof:
    standby_proofs.record(str(model.pk), result, after_s=DAY_S, rng=rng())
    return StandbyProof.objects.get(pk=model.pk)


def dead(model: LanguageModel) -> None:
    enlist(model)
    for _ in range(3):
        told(model, REFUSED)


def alerts() -> list[Alert]:
    alerting.settle([AlertKind.STANDBY_DEAD])
    return list(Alert.objects.open().filter(kind=AlertKind.STANDBY_DEAD))


def test_a_new_deployment_is_asked_after_an_interval_and_no_sooner(model):
    enlist(model)
    enlist(model)
    wait_s = (StandbyProof.objects.get().next_at - timezone.now()).total_seconds()
    assert 0.85 * DAY_S < wait_s < 1.15 * DAY_S
    assert standby_proofs.claim_due({str(model.pk)}, after_s=DAY_S, rng=rng()) == []


def test_a_deployment_without_traffic_is_claimed_once_for_all_processes(model):
    enlist(model)
    assert claims(model) == [DueStandby(str(model.pk), "chat/completions")]
    assert standby_proofs.claim_due({str(model.pk)}, after_s=DAY_S, rng=rng()) == []


def test_real_traffic_proves_it_and_a_test_request_is_no_traffic(model):
    enlist(model)
    log(finished(deployment_id=str(model.pk), days_ago=0.9, attempts=[tried()]))
    assert claims(model) == []
    assert StandbyProof.objects.get().proven_at == RequestRecord.objects.get().started_at
    RequestRecord.objects.update(endpoint="probe")
    assert len(claims(model)) == 1


def test_nobody_is_asked_without_a_group_a_key_or_the_switch_and_while_people_stopped_it(model):
    enlist(model)
    assert claims() == []
    Provider.objects.update(proves_standby=False)
    assert claims(model) == []
    Provider.objects.update(proves_standby=True, type="openai", api_base="")
    assert claims(model) == []
    Provider.objects.update(type="custom", api_base="https://llm.example.com/v1")
    now = timezone.now()
    BreakerTrip.objects.create(
        breaker=f"key:{model.provider_id}",
        provider="Nebius",
        why="",
        by="bob",
        since=now,
        until=now + timedelta(hours=1),
    )
    assert claims(model) == []
    BreakerTrip.objects.all().delete()
    assert len(claims(model)) == 1


def test_a_model_whose_smallest_request_costs_more_than_a_token_is_never_asked():
    painter = make_model(capabilities=["image_generation"])
    enlist(painter)
    assert claims(painter) == []


def test_an_answer_proves_it_and_a_failure_is_followed_by_another_look_soon(model):
    enlist(model)
    row = told(model, REFUSED)
    assert (row.failed, row.timed_out, row.error, row.call_id) == (1, 0, REFUSED.error, "c")
    assert row.next_at < timezone.now() + timedelta(seconds=70)
    row = told(model, ProofResult("Nebius: no answer after 60 s.", is_timeout=True, retry_after_s=600))
    assert (row.failed, row.timed_out) == (2, 1)
    assert row.next_at > timezone.now() + timedelta(seconds=590)
    row = told(model, ProofResult())
    assert (row.failed, row.timed_out, row.failing_since, row.error) == (0, 0, None, "")
    assert standby_states([row.deployment_id])[row.deployment_id].words(timezone.now()).startswith("proven ")


def test_one_that_is_deleted_during_its_request_is_forgotten(model):
    enlist(model)
    StandbyProof.objects.all().delete()
    standby_proofs.record(str(model.pk), REFUSED, after_s=DAY_S, rng=rng())
    assert not StandbyProof.objects.exists()


def test_three_failures_open_the_alert_and_an_answer_resolves_it(model):
    enlist(model)
    for failures in (1, 2):
        told(model, REFUSED)
        assert alerts() == [], failures
    told(model, REFUSED)
    (alert,) = alerts()
    assert alert.subject == str(model.provider_id)
    assert alert.message.startswith(
        "Nebius/llama, without traffic in support, has failed 3 test requests in a row since"
    )
    assert "down for repair" in alert.message
    assert standby_states([str(model.pk)])[str(model.pk)].is_dead
    told(model, ProofResult())
    assert alerts() == []


def test_real_traffic_resolves_it_too(model):
    dead(model)
    assert len(alerts()) == 1
    log(finished(deployment_id=str(model.pk), started_at=timezone.now() + timedelta(seconds=1), attempts=[tried()]))
    assert alerts() == []
    assert not standby_states([str(model.pk)])[str(model.pk)].is_dead


def test_a_busy_machine_of_ours_alone_needs_twice_as_many_failures(model):
    enlist(model)
    late = ProofResult("Nebius: no answer after 60 s.", is_timeout=True)
    for _ in range(5):
        told(model, late)
    assert alerts() == []
    told(model, late)
    assert len(alerts()) == 1


@pytest.mark.parametrize("why", ["group", "provider", "switch", "setting"])
def test_the_alert_ends_when_nobody_relies_on_it_or_it_is_not_asked_any_more(model, why, settings):
    dead(model)
    assert len(alerts()) == 1
    if why == "group":
        model.deployments.get().group.delete()
    elif why == "setting":
        settings.STANDBY_PROOF_HOURS = 0
    else:
        Provider.objects.update(**{"enabled" if why == "provider" else "proves_standby": False})
    assert alerts() == []


def test_a_test_request_costs_and_is_counted_nowhere_else(model):
    attempt = tried(deployment_id=str(model.pk), provider_id=str(model.provider_id), status="error")
    found: dict[str, Any] = {
        "model_group": "",
        "endpoint": "probe",
        "owner": "standby proof",
        "provider": "Nebius",
        "status": 503,
    }
    log(finished(**found, deployment_id=str(model.pk), attempts=[attempt], cost_usd=None))
    good = tried(deployment_id=str(model.pk), provider_id=str(model.provider_id))
    found |= {"status": 200, "input_tokens": 8, "output_tokens": 1, "cost_usd": 0.0002}
    log(finished(**found, deployment_id=str(model.pk), attempts=[good]))
    totals = analytics.totals(analytics.AnalyticsQuery())
    assert (totals.requests, totals.failures, totals.attempts, totals.success_rate) == (0, 0, 0, None)
    assert (totals.cost_usd, totals.input_tokens, totals.output_tokens) == (0.0002, 8, 1)
    assert [line.name for line in analytics.by(analytics.AnalyticsQuery(), "owner")] == ["standby proof"]
    assert (tries_since(timedelta(minutes=10)), response_times()) == ([], {})
    assert health_of([model.provider], [])[model.provider_id].is_up


def test_a_provider_that_dies_raises_one_alert_that_names_its_deployments(model):
    others = [make_model(provider=model.provider, name=f"qwen-{number:02}") for number in range(49)]
    make_group(name="chat", models=others)
    enlist(model, *others)
    for _ in range(3):
        for one in (model, *others):
            told(one, REFUSED)
    (alert,) = alerts()
    assert alert.subject == str(model.provider_id)
    assert alert.message.startswith("50 deployments without traffic in support and 1 more group have failed test")
    assert ": Nebius/llama, Nebius/qwen-00, " in alert.message
    assert " more. Nebius answered 503: down for repair. Fallbacks to them would fail too." in alert.message
    assert len(alert.message) < 512


def test_the_alert_of_a_provider_stays_the_same_one_while_deployments_join_and_leave_it(model):
    late = make_model(provider=model.provider, name="qwen")
    make_group(name="chat", models=[late])
    dead(model)
    enlist(late)
    (first,) = alerts()
    for _ in range(3):
        told(late, REFUSED)
    (second,) = alerts()
    assert (second.pk, second.message[:13]) == (first.pk, "2 deployments")
    told(late, ProofResult())
    (third,) = alerts()
    assert (third.pk, third.message[:13]) == (first.pk, "Nebius/llama,")
    told(model, ProofResult())
    assert alerts() == []


def test_deployments_that_fail_while_their_provider_answers_have_an_alert_for_each_group(model):
    same = make_model(provider=model.provider, name="qwen")
    other, alive = (make_model(provider=model.provider, name=name) for name in ("phi", "gemma"))
    make_group(name="chat", models=[other, alive])
    model.deployments.get().group.deployments.create(model=same, position=1)
    enlist(alive)
    for one in (model, same, other):
        dead(one)
    log(finished(deployment_id=str(alive.pk), started_at=timezone.now() + timedelta(seconds=1), attempts=[tried()]))
    found = {alert.subject: alert.message for alert in alerts()}
    assert set(found) == {"support", "chat"}
    assert found["support"].startswith(
        "2 deployments without traffic in support have failed test requests in a row since"
    )
    assert ": Nebius/llama and Nebius/qwen. Nebius answered 503" in found["support"]
    assert found["chat"].startswith("Nebius/phi, without traffic in chat, has failed 3 test requests in a row since")


def test_a_look_costs_the_same_queries_for_many(model, django_assert_max_num_queries):
    for number in range(3):
        dead(make_model(provider=model.provider, name=f"llama-{number}"))
    make_group(name="other", models=LanguageModel.objects.all())
    with django_assert_max_num_queries(3):
        assert len(dead_standbys(3)) == 3
