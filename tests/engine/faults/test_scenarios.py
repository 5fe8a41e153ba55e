import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exceptions import BadInput
from engine.faults.kinds import KINDS, Outage, ServerError
from engine.faults.scenarios import SCENARIOS, Scenario, parse_scenario
from engine.faults.targets import TargetedFault, targets
from engine.rehearsal.profiles import Profile
from engine.spec import GroupSpec, Strategy
from tests.engine import golden
from tests.engine.scripted import deployment, group

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NUMBERS = st.integers(-2, 10**7) | st.floats() | st.floats(0, 100) | JSON
FAULTS = st.fixed_dictionaries(
    {"kind": st.sampled_from([*KINDS, "", "earthquake"]) | JSON, "target": st.sampled_from(["primary", "a", "tier:9"])},
    optional={
        **dict.fromkeys(
            ("probability", "from_s", "until_s", "retry_after_s", "rpm", "tpm", "status", "factor"), NUMBERS
        ),
        **dict.fromkeys(("limit_tokens", "extra_ms", "after_share", "period_s", "down_s", "error_rate", "x"), NUMBERS),
        "answers": st.sampled_from(["refused", "unavailable"]) | JSON,
    },
)

PRICED = {"input_cost_per_token_usd": 1e-6, "output_cost_per_token_usd": 2e-6}


def fault(**fields: Any) -> dict[str, Any]:
    return {"kind": "rate_limit", "target": "primary", **fields}


def parse(*faults: object, spec: GroupSpec | None = None) -> Scenario:
    return parse_scenario({"faults": list(faults)}, spec=spec or group())


def struck(target: str, spec: GroupSpec, *others: GroupSpec) -> str:
    return "".join(sorted(targets(target, [spec, *others])))


# Whom


@pytest.mark.parametrize(
    ("target", "ids"),
    [
        *(("primary", "a"), ("others", "bc"), ("tier:2", "b"), ("tier:4", ""), ("a", "a"), ("z", "z"), ("y", "")),
        *(
            ("*", "abcz"),
            ("provider:P", "abc"),
            ("provider:p", "abc"),
            ("provider:Q", "z"),
            ("primary-provider", "abc"),
        ),
        *(("provider:", ""), ("*:", "abcz"), ("primary:1", "")),
    ],
)
def test_targets_of_tiers_and_of_the_group_behind_them(target: str, ids: str):
    behind = group("behind", deployments=(deployment("z", provider="Q"),))
    assert struck(target, group(), behind) == ids


def test_a_region_fails_as_one_over_providers_and_fallback_groups():
    rows = (deployment("a", region="eu-west-1"), deployment("b", provider="Q", region="us-east-1"), deployment("c"))
    behind = group("behind", deployments=(deployment("z", provider="R", region="eu-west-1"),))
    assert struck("region:EU-west-1", group(deployments=rows), behind) == "az"
    assert struck("region:", group(deployments=rows), behind) == ""


@pytest.mark.parametrize("status", [399, 600, "503", 503.5])
def test_an_error_has_the_status_of_an_http_error(status: object):
    with pytest.raises(BadInput) as refused:
        parse(fault(kind="error", status=status))
    assert refused.value.field == "scenario.faults[0].status"
    assert refused.value.message == "Give a whole number from 400 to 599."


def test_errors_of_two_statuses_may_strike_at_the_same_time_and_the_same_one_not_twice():
    parse(fault(kind="error", status=500), fault(kind="error", status=503))
    with pytest.raises(BadInput, match="Overlaps"):
        parse(fault(kind="error", status=500), fault(kind="error", status=500))


def test_the_primary_of_weights_is_the_largest_and_else_the_first():
    rows = (deployment("a", weight=1), deployment("b", weight=8), deployment("c", weight=8))
    assert struck("primary", group(strategy=Strategy.WEIGHTED, deployments=rows)) == "b"
    assert struck("primary", group(strategy=Strategy.LEAST_BUSY, deployments=rows)) == "a"
    assert struck("others", group(strategy=Strategy.LEAST_BUSY, deployments=rows)) == "bc"


def test_the_primary_of_tiers_is_all_of_the_first():
    rows = (deployment("a", priority=2), deployment("b", priority=1), deployment("c", priority=1))
    assert struck("primary", group(deployments=rows)) == "bc"


@pytest.mark.parametrize(
    ("strategy", "fields", "first"),
    [
        (Strategy.COST_BASED, ({"input_cost_per_token_usd": 3e-6, "output_cost_per_token_usd": 1e-6}, PRICED, {}), "b"),
        (Strategy.COST_BASED, ({"input_cost_per_token_usd": 0.0, "output_cost_per_token_usd": 0.0}, PRICED, {}), "a"),
        (Strategy.SIMPLE_SHUFFLE, ({"rpm": 10}, {"rpm": 90}, {}), "b"),
        (Strategy.SIMPLE_SHUFFLE, ({"tpm": 10}, {"tpm": 20}, {"tpm": 90}), "c"),
        (Strategy.SIMPLE_SHUFFLE, ({}, {}, {}), "a"),
        (Strategy.LEAST_BUSY, ({}, {"rpm": 90}, {}), "a"),
        (Strategy.USAGE_BASED, ({}, {"rpm": 90}, {}), "a"),
    ],
)
def test_the_primary_is_what_a_fresh_group_asks_first(
    strategy: Strategy, fields: tuple[dict[str, Any], ...], first: str
):
    rows = tuple(deployment(name, **given) for name, given in zip("abc", fields, strict=True))
    assert struck("primary", group(strategy=strategy, deployments=rows)) == first


def test_the_primary_of_latency_based_routing_is_the_fastest():
    spec = group(strategy=Strategy.LATENCY_BASED)
    assert targets("primary", [spec], {"b": Profile(first_token_ms=100)}) == {"b"}
    assert targets("primary", [spec], {"a": Profile(tokens_per_s=10)}) == {"b"}
    assert targets("others", [spec], {"b": Profile(first_token_ms=100)}) == {"a", "c"}


def test_a_group_without_deployments_has_no_primary():
    assert struck("primary", group(deployments=())) == ""


# Named scenarios


def test_the_promised_scenarios_are_there_and_described():
    promised = "healthy primary-outage flapping-primary rate-limited-primary region-brown-out slow-creep"
    assert {*promised.split(), "cascading-overload", "everything-down"} <= set(SCENARIOS)
    assert all(name == scenario.name and scenario.description.endswith(".") for name, scenario in SCENARIOS.items())


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_named_scenario_is_one_that_a_request_could_describe(name: str):
    described = json.loads(json.dumps(SCENARIOS[name].to_json(), allow_nan=False))
    assert parse_scenario(described, spec=group()) == parse_scenario(name, spec=group()) == SCENARIOS[name]


def test_a_primary_outage_lasts_a_minute():
    assert SCENARIOS["primary-outage"].faults == (TargetedFault(Outage(), "primary", from_s=10, until_s=70),)


# Requests


def test_a_request_may_ask_for_nothing():
    assert parse_scenario(None, spec=group()) == SCENARIOS["healthy"]
    assert parse_scenario(None, failure_rates={}, spec=group()) == SCENARIOS["healthy"]


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(BadInput, match="healthy, primary-outage"):
        parse_scenario("doomsday", spec=group())


def test_failure_rates_are_503s_of_one_deployment_each():
    scenario = parse_scenario(None, failure_rates={"a": 0.3, "b": 0, "c": 1}, spec=group())
    assert scenario.name == "failure-rates"
    assert scenario.faults == (TargetedFault(ServerError(503), "a", 0.3), TargetedFault(ServerError(503), "c", 1.0))


def test_a_run_in_which_a_third_fails_is_not_called_healthy():
    assert parse_scenario("healthy", failure_rates={"a": 0.33}, spec=group()).name == "failure-rates"
    assert parse_scenario("healthy", failure_rates={"a": 0}, spec=group()).name == "healthy"


def test_an_own_scenario_in_which_something_goes_wrong_is_not_called_healthy_either():
    described = {"name": "healthy", "faults": [fault()]}
    assert parse_scenario(described, spec=group()).name == "custom"
    assert parse_scenario({"name": "healthy", "faults": []}, spec=group()).name == "healthy"


def test_failure_rates_come_on_top_of_a_scenario():
    scenario = parse_scenario("primary-outage", failure_rates={"b": 0.5}, spec=group())
    assert (scenario.name, len(scenario.faults)) == ("primary-outage", 2)


def test_failure_rates_reach_the_groups_behind():
    behind = group("behind", deployments=(deployment("z"),))
    assert parse_scenario(None, failure_rates={"z": 0.5}, spec=group(), fallbacks=[behind]).faults[0].target == "z"


@pytest.mark.parametrize(
    "rates", [{"z": 0.5}, {"a": 1.5}, {"a": -0.1}, {"a": float("nan")}, {"a": True}, {"a": "0.5"}, {"a": None}, [], "a"]
)
def test_wrong_failure_rates_are_refused(rates: object):
    with pytest.raises(BadInput) as caught:
        parse_scenario(None, failure_rates=rates, spec=group())
    assert caught.value.field == "failure_injection"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (7, "scenario"),
        ({}, "scenario.faults"),
        ({"faults": {}}, "scenario.faults"),
        ({"faults": [fault()] * 101}, "scenario.faults"),
        ({"faults": [], "speed": 1}, "scenario.speed"),
        ({"faults": [], "name": "a\0b"}, "scenario.name"),
        ({"faults": [], "name": "n" * 129}, "scenario.name"),
        ({"faults": [fault(), 1]}, "scenario.faults[1]"),
        ({"faults": [{"target": "primary"}]}, "scenario.faults[0].kind"),
        ({"faults": [{"kind": ["outage"], "target": "a"}]}, "scenario.faults[0].kind"),
        ({"faults": [{"kind": "outage"}]}, "scenario.faults[0].target"),
        ({"faults": [fault(target="d")]}, "scenario.faults[0].target"),
        ({"faults": [fault(target="tier:4")]}, "scenario.faults[0].target"),
        ({"faults": [fault(target="provider:Q")]}, "scenario.faults[0].target"),
        ({"faults": [fault(probability=1.5)]}, "scenario.faults[0].probability"),
        ({"faults": [fault(probability=float("nan"))]}, "scenario.faults[0].probability"),
        ({"faults": [fault(probability=10**400)]}, "scenario.faults[0].probability"),
        ({"faults": [fault(from_s=-1)]}, "scenario.faults[0].from_s"),
        ({"faults": [fault(from_s=10, until_s=10)]}, "scenario.faults[0].until_s"),
        ({"faults": [fault(from_s=10, until_s=9)]}, "scenario.faults[0].until_s"),
        ({"faults": [fault(until_s=7 * 86_400 + 1)]}, "scenario.faults[0].until_s"),
        ({"faults": [fault(status=500)]}, "scenario.faults[0].status"),
        ({"faults": [fault(kind="server_error", status=504)]}, "scenario.faults[0].status"),
        ({"faults": [fault(kind="server_error", status=True)]}, "scenario.faults[0].status"),
        ({"faults": [fault(kind="quota")]}, "scenario.faults[0].rpm"),
        ({"faults": [fault(kind="quota", rpm=1.5)]}, "scenario.faults[0].rpm"),
        ({"faults": [fault(kind="context_too_long")]}, "scenario.faults[0].limit_tokens"),
        ({"faults": [fault(kind="slow")]}, "scenario.faults[0].factor"),
        ({"faults": [fault(kind="flapping", period_s=5, down_s=6)]}, "scenario.faults[0].down_s"),
        ({"faults": [fault(kind="degradation", factor=2)]}, "scenario.faults[0].until_s"),
        ({"faults": [fault(from_s=1, until_s=9), fault(from_s=8)]}, "scenario.faults[1].from_s"),
    ],
)
def test_a_wrong_field_is_named_by_its_path(data: object, field: str):
    with pytest.raises(BadInput) as caught:
        parse_scenario(data, spec=group())
    assert caught.value.field == field


@pytest.mark.parametrize(
    "second",
    [fault(from_s=9), fault(target="others"), fault(kind="outage")],
    ids=["afterwards", "elsewhere", "something else"],
)
def test_windows_may_follow_each_other_and_differ_in_kind_or_target(second: dict[str, Any]):
    assert len(parse(fault(until_s=9), second).faults) == 2


def test_one_server_may_fail_with_two_statuses_at_once():
    rows = [fault(kind="server_error", status=status, probability=0.1) for status in (500, 503)]
    assert len(parse(*rows).faults) == 2


def test_null_and_whole_floats_are_read_as_meant():
    aimed = parse(fault(kind="quota", rpm=60.0, tpm=None, until_s=None)).faults[0]
    assert aimed.to_json() == {"kind": "quota", "target": "primary", "probability": 1.0, "from_s": 0.0, "rpm": 60}


@given(FAULTS)
def test_any_fault_is_refused_or_survives_json(data: dict[str, Any]):
    try:
        scenario = parse(data)
    except BadInput:
        return
    assert Scenario.from_json(json.loads(json.dumps(scenario.to_json(), allow_nan=False))) == scenario


@given(JSON, JSON)
def test_any_json_is_refused_or_a_scenario(data: object, rates: object):
    try:
        scenario = parse_scenario(data, failure_rates=rates, spec=group())
    except BadInput:
        return
    assert Scenario.from_json(scenario.to_json()) == scenario


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_named_scenario_fits_a_group_of_one_also_when_it_is_sent_again(name: str):
    alone = group(deployments=(deployment("a"),))
    scenario = parse_scenario(name, failure_rates={"a": 0.5}, spec=alone)
    assert parse_scenario(scenario.to_json(), spec=alone) == scenario


def test_a_failure_rate_may_not_say_again_what_the_scenario_says():
    described = {"faults": [fault(kind="server_error", target="a")]}
    with pytest.raises(BadInput, match=r"Overlaps scenario.faults\[0\]") as caught:
        parse_scenario(described, failure_rates={"a": 0.5}, spec=group())
    assert caught.value.field == "failure_injection"


# Golden rehearsals


@pytest.mark.parametrize("path", golden.FILES, ids=lambda path: path.stem)
def test_the_input_of_a_golden_rehearsal_makes_sense(path: Any):
    assert golden.job_of(path).workload.num_requests >= 60


def test_every_strategy_and_every_named_scenario_has_a_golden_rehearsal():
    names = {path.stem for path in golden.FILES}
    assert {f"strategy-{strategy}" for strategy in Strategy} | {f"scenario-{name}" for name in SCENARIOS} <= names
