"""Rehearsals of what a client calls: names, keys, mixes, and what is refused, in the API and on the command line."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from access.actions import issue_key
from access.credits import top_up
from access.keys import COMMAND_LINE
from access.models import ApiKey, User
from groups.models import RoutingGroup, RoutingRules, VirtualModel
from groups.virtual import actions as virtual_models
from groups.virtual.tiers import TierPlan
from tester.models import Run
from tests.factories import make_group, make_model, make_provider
from usage.models import RequestRecord

URL = "/v1/simulate"
PRICES = {"input_cost_per_million": 1, "output_cost_per_million": 2}
FEW: dict[str, Any] = {"num_requests": 60, "seeds": 1, "seed": 3, "workload": {"kind": "constant", "rate_per_s": 2}}


def pool(name: str) -> RoutingGroup:
    return make_group(name=name, models=[make_model(provider=make_provider(name=name.title()), **PRICES)])


@pytest.fixture
def smart(bob: User) -> VirtualModel:
    """Simple messages go to `small`, complex ones to `large`."""
    pool("small"), pool("large")
    tiers = [TierPlan(pool="small"), TierPlan(pool="large", minimum_score=200)]
    return virtual_models.create_virtual_model(by=bob, tiers=tiers, name="smart", default_tier="simple")


def key_of(owner: User, **fields: Any) -> ApiKey:
    return issue_key(by=COMMAND_LINE, owner=owner, name="app", **fields)[0]


def counts(result: dict[str, Any]) -> dict[str, int]:
    return {one["group"]: one["requests"] for one in result["groups"]}


def rehearse(*words: str) -> tuple[dict[str, Any], str, int]:
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("rehearse", *words, "--json", stdout=out, stderr=err)
    except CommandError as refused:
        code = refused.returncode
        err.write(str(refused))
    return json.loads(out.getvalue() or "{}"), err.getvalue(), code


def test_a_virtual_model_is_rehearsed_by_its_name_and_a_mix(as_bob, smart):
    workload = {**FEW["workload"], "complexity": {"simple": 0.75, "complex": 0.25}}
    answer = as_bob.post(URL, {**FEW, "model": "smart", "workload": workload})
    assert answer.status_code == 200, answer.content
    result = answer.json()
    assert result["called"] == "smart"
    assert sum(counts(result).values()) == 60
    assert counts(result)["small"] > counts(result)["large"] > 0
    assert result["refused_by_key"] == []
    run = as_bob.get(f"/v1/runs/{result['run_id']}").json()
    assert run["routing_group_name"] == "smart"
    assert run["config"]["called"] == {"model": "smart", "meant": "smart", "key": None, "complexity_from": "given"}
    assert len(run["config"]["group"]["deployments"]) == 2
    again = as_bob.post(URL, {**FEW, "model": "smart", "workload": workload}).json()
    assert {**again, "run_id": ""} == {**result, "run_id": ""}


def test_an_alias_leads_where_it_leads(as_bob, smart):
    rules = RoutingRules.objects.current()
    rules.model_aliases = {"quick": "small"}
    rules.save()
    result = as_bob.post(URL, {**FEW, "model": "quick"}).json()
    assert (result["called"], counts(result)) == ("quick", {"small": 60})


def test_a_power_level_leads_to_the_best_of_its_groups(as_bob, db):
    cheap = make_model(provider=make_provider(name="Cheap"), input_cost_per_million=0.1, output_cost_per_million=0.1)
    dear = make_model(provider=make_provider(name="Dear"), input_cost_per_million=50, output_cost_per_million=50)
    make_group(name="frugal", models=[cheap], settings={"in_power_levels": True})
    make_group(name="lavish", models=[dear], settings={"in_power_levels": True})
    result = as_bob.post(URL, {**FEW, "model": "auto-eco"}).json()
    assert counts(result) == {"frugal": 60}


def test_the_mix_is_that_of_the_log_when_there_is_one(as_bob, smart):
    now = timezone.now()
    rows = [
        RequestRecord(call_id=f"c{n}", model_group="small", started_at=now - timedelta(seconds=n), duration_ms=1,
                      status=200, outcome="answered", virtual_model="smart", score=300 if n % 4 == 0 else 10)
        for n in range(40)
    ]  # fmt: skip
    RequestRecord.objects.bulk_create(rows)
    result = as_bob.post(URL, {**FEW, "model": "smart"}).json()
    config = Run.objects.get(pk=result["run_id"]).config
    assert config["called"]["complexity_from"] == "log"
    assert config["workload"]["complexity"] == {"simple": 0.75, "complex": 0.25}


def test_recorded_traffic_of_a_virtual_model_comes_to_the_tiers_of_its_scores(as_bob, smart):
    lines = [
        {"at": f"2030-01-01T00:00:{n:02}Z", "input_tokens": 10, "output_tokens": 5, "score": 300 if n < 3 else 10}
        for n in range(10)
    ]
    text = "\n".join(map(json.dumps, lines))
    result = as_bob.post(URL, {"model": "smart", "seeds": 1, "workload": {"kind": "recorded", "trace": text}}).json()
    assert counts(result) == {"small": 7, "large": 3}


def test_the_limits_of_a_key_refuse_and_say_why(as_alice, smart, dora):
    key = key_of(dora, rpm=20)
    result = as_alice.post(URL, {**FEW, "model": "small", "key": str(key.pk)}).json()
    assert result["refused_requests"] == 40
    assert result["refused_by_key"] == [
        {"code": "rate_limit_exceeded", "why": "This key may use 20 requests a minute.", "requests": 40}
    ]
    assert counts(result) == {"small": 60}
    run = as_alice.get(f"/v1/runs/{result['run_id']}").json()
    assert run["config"]["called"]["key"] == {"id": str(key.pk), "name": "app", "owner": "dora"}
    group = RoutingGroup.objects.get(name="small")
    same = as_alice.post(f"/v1/routing_group/{group.pk}/simulate", {**FEW, "key": str(key.pk)}).json()
    assert same["refused_by_key"] == result["refused_by_key"]


def test_credits_run_out_as_they_would(as_alice, smart, dora, settings):
    settings.CREDIT_HOLD_OUTPUT_TOKENS = 100
    key = key_of(dora)
    top_up(by=COMMAND_LINE, holder=dora, usd=Decimal("0.01"))
    result = as_alice.post(URL, {**FEW, "model": "small", "key": str(key.pk)}).json()
    assert 5 <= result["successful_requests"] <= 20
    assert [one["code"] for one in result["refused_by_key"]] == ["insufficient_quota"]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"model": "nobody"}, "model", "can't be called. There are"),
        ({"model": "Small/m"}, "model", "can't be called"),
        ({"workload": {"complexity": {"huge": 1}}}, "workload.complexity", "It has: simple, complex"),
        ({"workload": {"complexity": {}}}, "workload.complexity", "share of each tier"),
        ({"model": "small", "workload": {"complexity": {"simple": 1}}}, "workload.complexity", "Only a virtual model"),
        ({"key": "00000000-0000-0000-0000-000000000000"}, "key", "no key in use"),
        ({"mock": False}, "model", "mock mode"),
        ({"router": "litellm"}, "model", "our own router"),
        ({"gateway_ms": -1}, "gateway_ms", "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_called_has_a_clear_answer(as_bob, smart, change, field, words):
    answer = as_bob.post(URL, {**FEW, "model": "smart", **change})
    assert answer.status_code == 400, answer.content
    assert words in str(answer.json()[field])


def test_a_key_that_may_not_call_the_name_is_told_so(as_alice, smart, dora):
    key = key_of(dora, allowed_models=["large"])
    answer = as_alice.post(URL, {**FEW, "model": "small", "key": str(key.pk)})
    assert "This key may not call 'small': it allows large." in str(answer.json()["key"])


def test_nobody_rehearses_with_a_key_that_they_may_not_see(as_bob, smart, dora):
    answer = as_bob.post(URL, {**FEW, "model": "small", "key": str(key_of(dora).pk)})
    assert "that you may see" in str(answer.json()["key"])


def test_a_changed_run_still_calls_the_name(as_bob, smart):
    first = as_bob.post(URL, {**FEW, "model": "smart"}).json()
    drawn = Run.objects.get(pk=first["run_id"]).config["group"]["deployments"]
    rates = {"deployment_failure_rates": {drawn[0]["deployment_id"]: 1}}
    answer = as_bob.post(f"/v1/runs/{first['run_id']}/change", {"at_ms": 1000, "failure_injection": rates})
    assert answer.status_code == 202, answer.content
    run = Run.objects.get(pk=answer.json()["run_id"])
    assert run.engine_input["called"]["name"] == run.group_name == "smart"


def test_the_command_rehearses_a_name_with_a_mix_and_a_key(smart, dora):
    result, _, code = rehearse("smart", "--requests", "40", "--seed", "1", "--complexity", "complex=1", "--rate", "2")
    assert (code, counts(result)) == (0, {"large": 40})
    key = str(key_of(dora, rpm=5).pk)
    result, _, _ = rehearse("small", "--requests", "40", "--seed", "1", "--rate", "20", "--key", key)
    assert result["refused_by_key"][0]["requests"] == 35
    for words in (["nobody"], ["smart", "--complexity", "complex"], ["smart", "--key", "x"]):
        assert rehearse(*words)[2] == 2


def test_the_gateways_own_time_is_measured_in_the_log_and_kept_for_a_seed(as_bob, smart):
    group = RoutingGroup.objects.get(name="small")
    url, asked = f"/v1/routing_group/{group.pk}/simulate", {"num_requests": 5, "seeds": 1, "seed": 8}

    def config(**fields: Any) -> tuple[float, str]:
        run = Run.objects.get(pk=as_bob.post(url, {**asked, **fields}).json()["run_id"])
        return run.config["gateway_ms"], run.config["gateway_ms_from"]

    assert config() == (0.0, "default")
    now = timezone.now()
    attempt = {"deployment_id": "x", "duration_ms": 100.0, "status": "success", "started_at": now.isoformat()}
    RequestRecord.objects.bulk_create(
        RequestRecord(call_id=f"c{n}", model_group="small", started_at=now, duration_ms=104.5, status=200,
                      outcome="answered", attempts=[attempt])
        for n in range(20)
    )  # fmt: skip
    assert config() == (0.0, "default"), "the first run with a seed decides"
    assert config(seed=9) == (4.5, "measured")
    assert config(seed=9, gateway_ms=7) == (7.0, "given")
    assert config(scenario={"faults": [], "gateway_ms": 2}) == (2.0, "scenario")
