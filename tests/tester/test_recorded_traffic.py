"""Recorded traffic as a workload of a run: from the log, from a file, on the command line."""

from __future__ import annotations

import asyncio
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tester.models import Run
from tests.factories import make_group
from tests.usage.logged import logged, tried
from usage.models import RequestRecord

BEGAN = datetime(2030, 1, 31, 14, 30, tzinfo=UTC)
PERIOD = {"from": "2030-01-31T14:00:00Z", "until": "2030-01-31T15:00:00Z"}
RECORDED = {"kind": "recorded", **PERIOD}
# One hour of a conversation service: the project does not carry it.
REAL_TRACE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "AzureLLMInferenceTrace_conv.csv"


@pytest.fixture
def recorded(group, ids: list[str]) -> list[str]:
    """Forty requests in forty seconds; the first deployment fails from second 10 on, the second one in second 20."""
    for n in range(40):
        at = BEGAN + timedelta(seconds=n)
        codes = [200] if n < 10 else [503, 500 if n == 20 else 200]
        attempts = [_attempt(ids[place], at, code) for place, code in enumerate(codes)]
        logged(
            f"{n:032x}",
            started_at=at,
            status=codes[-1],
            is_stream=n % 2 == 0,
            input_tokens=100 + n,
            output_tokens=10,
            attempts=attempts,
        )
    return ids


def _attempt(deployment_id: str, at: datetime, code: int) -> dict[str, Any]:
    status = "success" if code == 200 else "error"
    return tried(status=status, status_code=code, deployment_id=deployment_id, started_at=at.isoformat())


def config_of(result: dict[str, Any]) -> dict[str, Any]:
    return dict(Run.objects.get(pk=result["run_id"]).config)


def test_recorded_arrivals_come_with_their_tokens_and_streams(recorded, simulate):
    result = simulate(workload=RECORDED, seed=1)
    workload = config_of(result)["workload"]
    assert (result["total_requests"], result["successful_requests"]) == (40, 40)
    assert workload["arrivals"][:2] == [[0.0, 100, 10, "", True], [1.0, 101, 10, "", False]]
    assert workload.items() >= {**RECORDED, "with_failures": False}.items()


def test_recorded_failures_are_faults_of_the_scenario(recorded, simulate):
    result = simulate(workload={**RECORDED, "with_failures": True}, seed=1)
    scenario = config_of(result)["scenario"]
    assert scenario["name"] == "recorded-failures"
    assert "second 0 is 2030-01-31 14:30:00 UTC" in scenario["description"]
    first = scenario["faults"][0]
    assert (first["kind"], first["target"], first["from_s"], first["probability"]) == (
        "server_error",
        recorded[0],
        9.5,
        1.0,
    )
    assert {fault["target"] for fault in scenario["faults"]} == set(recorded)


def test_a_stored_run_is_repeated_after_its_log_is_gone(recorded, simulate):
    first = simulate(workload={**RECORDED, "with_failures": True}, seed=1)
    RequestRecord.objects.all().delete()
    config = config_of(first)
    again = simulate(**{name: config[name] for name in ("workload", "scenario", "seed")})
    assert {**again, "run_id": ""} == {**first, "run_id": ""}


def test_an_own_scenario_is_added_to_the_recorded_failures(recorded, simulate):
    own = {"name": "mine", "faults": [{"kind": "slow", "target": "*", "factor": 2}]}
    scenario = config_of(simulate(workload={**RECORDED, "with_failures": True}, scenario=own, seed=1))["scenario"]
    assert (scenario["name"], scenario["faults"][-1]["kind"]) == ("mine", "slow")
    assert len(scenario["faults"]) > 1


def test_deployments_that_the_group_no_longer_has_fail_no_more(recorded, simulate, group):
    group.deployments.filter(model_id=recorded[0]).delete()
    scenario = config_of(simulate(workload={**RECORDED, "with_failures": True}, seed=1))["scenario"]
    assert {fault["target"] for fault in scenario["faults"]} <= {recorded[1]}


def test_only_the_first_requests_come_if_so_many_are_asked_for(recorded, simulate):
    assert simulate(workload=RECORDED, num_requests=5, seed=1)["total_requests"] == 5


@pytest.mark.parametrize(
    ("workload", "field", "why"),
    [
        ({"kind": "recorded"}, "workload.from", "This is needed"),
        ({"kind": "recorded", "from": PERIOD["from"]}, "workload.until", "This is needed"),
        ({**RECORDED, "from": "yesterday"}, "workload.from", "Give a moment such as"),
        ({**RECORDED, "until": 5}, "workload.until", "Give a moment such as"),
        ({**RECORDED, "until": PERIOD["from"]}, "workload.until", "Give a moment after from"),
        ({**RECORDED, "from": "2029-01-01"}, "workload.until", "Give at most 7 days"),
        ({**RECORDED, "with_failures": "yes"}, "workload.with_failures", "Give true or false"),
        ({**RECORDED, "odd": 1}, "workload.odd", "Unknown here"),
        ({**RECORDED, "until": "2030-01-31T14:10:00Z"}, "workload.from", "No request to 'chat' was recorded"),
        ({"kind": "recorded", "trace": "TIMESTAMP"}, "workload.trace", "Give the JSON lines"),
        ({"kind": "recorded", "trace": "{}"}, "workload.trace", "line 1: at must look like"),
    ],
)
def test_bad_input_names_the_field(recorded, as_bob, url, workload, field, why):
    answer = as_bob.post(url, {"workload": workload})
    assert answer.status_code == 400
    assert why in str(answer.json()[field])


def test_failures_can_not_be_put_into_real_requests(recorded, as_bob, url):
    answer = as_bob.post(url, {"mock": False, "workload": {**RECORDED, "with_failures": True}})
    assert answer.status_code == 400
    assert "Set mock to true" in str(answer.json())


def rehearse(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("rehearse", "chat", *words, "--seed", "1", "--json", stdout=out, stderr=io.StringIO())
    return dict(json.loads(out.getvalue()))


def test_the_command_rehearses_a_recorded_period(recorded):
    result = rehearse("--recorded", *PERIOD.values(), "--with-failures")
    assert (result["total_requests"], config_of(result)["scenario"]["name"]) == (40, "recorded-failures")


@pytest.mark.django_db(transaction=True)  # the lines are read by another thread
def test_the_command_rehearses_an_exported_file_as_it_does_the_log(recorded, as_charlie, group, tmp_path):
    traffic = as_charlie.get(f"/v1/routing_group/{group.pk}/traffic", PERIOD)
    path = tmp_path / "traffic.jsonl"
    path.write_bytes(b"".join(_whole(traffic)))
    from_log = rehearse("--recorded", *PERIOD.values(), "--with-failures")
    from_file = rehearse("--traffic", str(path), "--with-failures")
    assert {**from_file, "run_id": ""} == {**from_log, "run_id": ""}
    assert rehearse("--traffic", str(path))["successful_requests"] == 40


def _whole(answer: Any) -> list[bytes]:
    async def parts() -> list[bytes]:
        return [part async for part in answer]

    return asyncio.run(parts())


CSV = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,10,20\n2023-11-16 18:17:04,30,40\n"


def test_the_command_takes_a_csv_as_traffic(group, tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(CSV)
    assert rehearse("--traffic", str(path))["total_requests"] == 2


@pytest.mark.parametrize("words", [["--with-failures"], ["--with-failures", "--traffic", "FILE"]])
def test_failures_need_recorded_traffic(group, tmp_path, words):
    path = tmp_path / "trace.csv"
    path.write_text(CSV)
    with pytest.raises(CommandError, match="--with-failures needs recorded traffic") as refused:
        rehearse(*[str(path) if word == "FILE" else word for word in words])
    assert refused.value.returncode == 2


def test_a_bad_line_of_a_file_is_named_on_the_command_line(group, tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(CSV + "2023-11-16 18:17:05,many,40\n")
    with pytest.raises(CommandError, match=r"line 4: ContextTokens must be a whole number"):
        rehearse("--traffic", str(path))


@pytest.mark.skipif(not REAL_TRACE.exists(), reason=f"the trace of a real service is not at {REAL_TRACE}")
def test_an_hour_of_a_real_service_is_rehearsed(group):
    result = rehearse("--traffic", str(REAL_TRACE))
    assert result["total_requests"] == 19_366
    assert result["virtual_duration_ms"] > 3_400_000


def test_both_sides_of_a_comparison_get_the_traffic_that_was_recorded_of_the_first(recorded, group, as_bob):
    other = make_group(name="other", models=[group.deployments.first().model])
    asked = {"against": {"routing_group_id": str(other.pk)}, "workload": RECORDED, "seeds": 1, "seed": 1}
    told = as_bob.post(f"/v1/routing_group/{group.pk}/compare", asked).json()
    assert (told["a"]["total_requests"], told["b"]["total_requests"]) == (40, 40)
    assert told["notes"] == ["Both sides get the traffic that was recorded of chat."]
