"""Bad input to `simulate` gets a clear 400, names the field, and starts nothing."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tester.models import Run
from tests.factories import make_group, make_model

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
ROW = "2023-11-16 18:15:46.6805900,374,44\n"


def trace(text: str) -> dict:
    return {"workload": {"kind": "trace", "csv": text}}


def faults(*faults: dict) -> dict:
    return {"scenario": {"faults": list(faults)}}


OUTAGE = {"kind": "outage", "target": "primary", "from_s": 10, "until_s": 70}
BAD = {
    "no requests": ({"num_requests": 0}, "num_requests", "1"),
    "negative count": ({"num_requests": -5}, "num_requests", "1"),
    "10**9 requests": ({"num_requests": 10**9}, "num_requests", "100000"),
    "half a request": ({"num_requests": 1.5}, "num_requests", "integer"),
    "a count in words": ({"num_requests": "many"}, "num_requests", "integer"),
    "nobody at all": ({"concurrency": 0}, "concurrency", "1"),
    "10**9 at once": ({"concurrency": 10**9}, "concurrency", "1000"),
    "mock maybe": ({"mock": "maybe"}, "mock", "boolean"),
    "a typo": ({"num_reqests": 10}, "num_reqests", "Unknown field"),
    "seed too large": ({"seed": 10**30}, "seed", ""),
    "seed a word": ({"seed": "lucky"}, "seed", "integer"),
    "rate of 1.5": ({"failure_injection": {"deployment_failure_rates": {"ID": 1.5}}}, "failure_injection", "1"),
    "rate below 0": ({"failure_injection": {"deployment_failure_rates": {"ID": -0.1}}}, "failure_injection", "0"),
    "rate a word": ({"failure_injection": {"deployment_failure_rates": {"ID": "often"}}}, "failure_injection", ""),
    "rates of nobody": (
        {"failure_injection": {"deployment_failure_rates": {"nobody": 0.5}}}, "failure_injection", "'nobody'",
    ),
    "rates missing": ({"failure_injection": {}}, "failure_injection", "required"),
    "rates misspelt": ({"failure_injection": {"rates": {}}}, "failure_injection", "Unknown field"),
    "rates a list": ({"failure_injection": []}, "failure_injection", ""),
    "scenario unknown": ({"scenario": "primary-outrage"}, "scenario", "primary-outage"),
    "scenario a number": ({"scenario": 5}, "scenario", ""),
    "scenario a list": ({"scenario": []}, "scenario", ""),
    "fault unknown": (faults({"kind": "gremlins", "target": "*"}), "scenario.faults[0].kind", "server_error"),
    "fault nowhere": (faults({"kind": "outage", "target": "nobody"}), "scenario.faults[0].target", "primary"),
    "window backwards": (faults({**OUTAGE, "until_s": 5}), "scenario.faults[0].until_s", "after"),
    "windows overlapping": (faults(OUTAGE, {**OUTAGE, "from_s": 60, "until_s": 90}), "scenario.faults[1].from_s", ""),
    "probability of 2": (faults({**OUTAGE, "probability": 2}), "scenario.faults[0].probability", "1"),
    "a status of none": (faults({"kind": "error", "target": "*", "status": 200}), "scenario.faults[0].status", "400"),
    "region of nobody": (faults({"kind": "outage", "target": "region:mars"}), "scenario.faults[0].target", "region"),
    "price of nothing": (faults({"kind": "price", "target": "*"}), "scenario.faults[0].factor", "factor"),
    "prices through LiteLLM": (
        {"router": "litellm", **faults({"kind": "price", "target": "*", "factor": 2})}, "scenario", "our own router",
    ),
    "clients through LiteLLM": (
        {"router": "litellm", "workload": {"clients": {}}}, "workload.clients", "our own router",
    ),
    "clients without patience": (
        {"workload": {"clients": {"gives_up_after_s": 0}}}, "workload.clients.gives_up_after_s", "0.001",
    ),
    "workload a word": ({"workload": "poisson"}, "workload", "dictionary"),
    "workload unknown": ({"workload": {"kind": "tidal"}}, "workload.kind", "poisson"),
    "workload without rate": ({"workload": {"kind": "poisson"}}, "workload.rate_per_s", "needed"),
    "rate of nothing": ({"workload": {"kind": "poisson", "rate_per_s": 0}}, "workload.rate_per_s", "0.01"),
    "trace empty": (trace(""), "workload.trace", "line 1"),
    "trace without rows": (trace(HEADER), "workload.trace", "no requests"),
    "trace without tokens": (trace("TIMESTAMP\n2023-11-16\n"), "workload.trace", "ContextTokens"),
    "trace malformed": (trace(HEADER + ROW + "yesterday,1,1\n"), "workload.trace", "line 3"),
    "trace of negative tokens": (trace(HEADER + ROW + ROW + "2023-11-16 18:16:00,-4,1\n"), "workload.trace", "line 4"),
    "trace of 6 MB": (trace(HEADER + ROW * 180_000), "workload", "5 MB"),
    "real with a scenario": ({"mock": False, "scenario": "healthy"}, "scenario", "mock"),
    "real with failures": (
        {"mock": False, "failure_injection": {"deployment_failure_rates": {}}}, "failure_injection", "mock",
    ),
    "real and too many": ({"mock": False, "num_requests": 201}, "num_requests", "200"),
    "negative limit": ({"mock": False, "max_cost_usd": -1}, "max_cost_usd", "0"),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "field", "says"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_said_and_starts_nothing(as_bob, url, ids, asked, field, says):
    rates = asked.get("failure_injection")
    if isinstance(rates, dict) and "ID" in rates.get("deployment_failure_rates", {}):
        asked = {"failure_injection": {"deployment_failure_rates": {ids[0]: rates["deployment_failure_rates"]["ID"]}}}
    answer = as_bob.post(url, asked)
    assert answer.status_code == 400, answer.content
    assert list(answer.json()) == [field]
    assert says in str(answer.json()[field])
    assert not Run.objects.exists()


@pytest.mark.parametrize("wait", ["perhaps", "7", "[]"])
def test_a_query_that_makes_no_sense(as_bob, url, wait):
    assert as_bob.post(f"{url}?wait={wait}", {}).status_code == 400


def test_a_deployment_of_another_group_is_none_of_this_one(as_bob, url):
    other = make_group(models=[make_model()]).deployments.get()
    asked = {"failure_injection": {"deployment_failure_rates": {str(other.model_id): 0.5}}}
    assert list(as_bob.post(url, asked).json()) == ["failure_injection"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["scenario", "workload", "failure_injection", "seed", "concurrency", "kind", "faults", "arrivals", "trace"]


@hypothesis_settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    asked=st.dictionaries(st.sampled_from(FIELDS[:4]), ANYTHING | st.dictionaries(st.sampled_from(FIELDS), ANYTHING))
)
def test_nothing_that_is_sent_breaks_the_server(as_bob, url, asked):
    answer = as_bob.post(url, {**asked, "num_requests": 1, "concurrency": 1})
    assert answer.status_code in (200, 400), answer.content
