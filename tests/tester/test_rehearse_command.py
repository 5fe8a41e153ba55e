"""`manage.py rehearse`: a table or JSON, and an exit code that a CI understands."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from tester.models import Run, RunStatus
from tester.runs import conduct as conducting
from tester.runs.pool import Pool
from tests.tester.performers import KILLED, performer
from usage.models import RequestRecord

SOON = ("--requests", "40", "--seed", "7")


def rehearse(*words: str) -> tuple[str, str]:
    """What was written to the output and to the error output."""
    out, err = io.StringIO(), io.StringIO()
    call_command("rehearse", *words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def exit_code(*words: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as refused:
        rehearse(*words)
    return refused.value.returncode, str(refused.value)


def test_a_table_for_people(group):
    out, err = rehearse("chat", *SOON)
    assert "requests   40, answered 40 (100.00%)" in out
    assert "Nebius" in out
    assert err == ""  # no progress bar where nobody watches
    run = Run.objects.get()
    assert (run.created_by, run.status, run.seed) == ("command-line", RunStatus.DONE, 7)


def test_json_for_programs_and_the_same_as_over_rest(group, simulate):
    out, _ = rehearse("chat", *SOON, "--json")
    assert {**json.loads(out), "run_id": ""} == {**simulate(num_requests=40, seed=7), "run_id": ""}


def test_a_progress_bar_at_a_terminal(group, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    _, err = rehearse("chat", *SOON)
    assert "100%  40 of 40 requests" in err.split("\r")[-1]


def test_assertions_that_hold_say_nothing(group):
    rehearse("chat", *SOON, "--assert", "success_rate>=0.99", "--assert", "failed_requests==0")


def test_a_latency_of_nothing_fails_its_assertion(group):
    err = io.StringIO()
    words = ("chat", *SOON, "--scenario", "everything-down", "--assert", "latency_p95_ms<9000")
    with pytest.raises(CommandError) as refused:
        call_command("rehearse", *words, stdout=io.StringIO(), stderr=err)
    assert refused.value.returncode == 1
    assert "latency_p95_ms<9000: no request was answered" in err.getvalue()


def test_an_assertion_that_fails_is_named_with_its_value_and_exits_1(group):
    err = io.StringIO()
    words = ("chat", *SOON, "--scenario", "everything-down", "--assert", "success_rate>=0.5", "--assert", "cost_usd<1")
    with pytest.raises(CommandError) as refused:
        call_command("rehearse", *words, stdout=io.StringIO(), stderr=err)
    assert refused.value.returncode == 1
    assert "success_rate>=0.5: it is 0" in err.getvalue()
    assert "cost_usd" not in err.getvalue()


def test_a_fault_that_never_struck_is_said_and_exits_1_when_strict(group):
    words = ("chat", "--requests", "10", "--seed", "7", "--scenario", "primary-outage")
    out, err = rehearse(*words)
    assert "no effect  Outage at primary from 10 s to 70 s never struck: the run ended at" in out
    assert err == ""
    told = io.StringIO()
    with pytest.raises(CommandError) as refused:
        call_command("rehearse", *words, "--strict", stdout=io.StringIO(), stderr=told)
    assert refused.value.returncode == 1
    assert "FAILED  Outage at primary" in told.getvalue()
    rehearse("chat", "--seed", "7", "--scenario", "primary-outage", "--strict")


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_profiles_of_a_file_are_those_of_the_run(group, ids, tmp_path, form: str):
    path = tmp_path / f"profiles.{form}"
    told = {"first_token_ms": {"samples": [50]}, "tokens_per_s": 1000}
    yaml = f"{ids[0]}:\n  first_token_ms: {{samples: [50]}}\n  tokens_per_s: 1000\n"
    path.write_text(json.dumps({ids[0]: told}) if form == "json" else yaml)
    out, _ = rehearse("chat", *SOON, "--profiles", str(path), "--json")
    assert json.loads(out)["latency_p95_ms"] < 1000
    profiles = Run.objects.get().config["profiles"]
    assert [profiles[name]["source"] for name in ids] == ["given", "default"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "profiles file: These are no profiles"),
        ("{", "profiles file: This is not valid JSON"),
        ('{"nobody": {"first_token_ms": 1}}', "profiles.nobody: No deployment that this group can reach"),
    ],
)
def test_a_wrong_file_of_profiles_exits_2_and_says_why(group, tmp_path, text: str, why: str):
    path = tmp_path / "profiles.json"
    path.write_text(text)
    code, message = exit_code("chat", "--profiles", str(path))
    assert (code, message[: len(why)]) == (2, why)


def test_a_seed_with_older_profiles_than_there_are_says_so(group, ids):
    rehearse("chat", *SOON)
    run = Run.objects.get()
    assert rehearse("chat", *SOON)[1] == ""
    RequestRecord.objects.create(
        call_id="newer",
        model_group="chat",
        deployment_id=ids[0],
        started_at=run.created_at + timedelta(seconds=2),
        duration_ms=900,
        status=200,
        outcome="answered",
        output_tokens=10,
        attempts=[{"deployment_id": ids[0], "status": "success", "duration_ms": 900.0}],
    )
    out, err = rehearse("chat", *SOON, "--json")
    assert json.loads(out)["total_requests"] == 40
    assert f"NOTE  This seed keeps the profiles of run {run.pk}" in err


def test_open_loops_and_traces(group, tmp_path):
    out, _ = rehearse("chat", *SOON, "--rate", "2", "--json")
    assert json.loads(out)["virtual_duration_ms"] > 10_000
    trace = tmp_path / "trace.csv"
    trace.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n" + "2023-11-16 18:15:46.68,374,44\n" * 150)
    assert json.loads(rehearse("chat", "--trace", str(trace), "--json")[0])["total_requests"] == 150
    out, _ = rehearse("chat", "--trace", str(trace), "--requests", "20", "--json")
    assert json.loads(out)["total_requests"] == 20


def test_a_router_can_be_asked_for(group):
    rehearse("chat", *SOON, "--router", "litellm")
    assert Run.objects.get().config["router"] == "litellm"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nobody"], "There are: chat"),
        (["chat", "--scenario", "meteor"], "primary-outage"),
        (["chat", "--trace", "/nowhere.csv"], "can't be read"),
        (["chat", "--rate", "-1"], "rate_per_s"),
    ],
)
def test_bad_input_exits_2(group, words, says):
    code, message = exit_code(*words)
    assert code == 2
    assert says in message
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--requests", "0"],
        ["--requests", "1000000000"],
        ["--concurrency", "many"],
        ["--router", "nginx"],
        ["--assert", "happiness>1"],
        ["--rate", "1", "--trace", "x.csv"],
    ],
)
def test_words_that_make_no_sense_are_refused_by_the_parser(group, words):
    with pytest.raises(CommandError):  # at a terminal: usage, and exit code 2
        rehearse("chat", *words)


def test_a_malformed_trace_names_its_line(group, tmp_path):
    trace = tmp_path / "trace.csv"
    trace.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,374,44\nsoon,1,1\n")
    code, message = exit_code("chat", "--trace", str(trace))
    assert code == 2
    assert "line 3" in message


def test_a_run_that_breaks_exits_3(group, monkeypatch):
    pool = Pool(lambda: 1, lambda: performer(KILLED))
    monkeypatch.setattr(conducting, "pool", pool)
    code, message = exit_code("chat", *SOON)
    pool.close()
    assert code == 3
    assert "SIGKILL" in message


def test_several_seeds_print_ranges_and_write_them_as_csv(group, tmp_path):
    file = tmp_path / "numbers.csv"
    out, _ = rehearse("chat", *SOON, "--seeds", "3", "--csv", str(file))
    assert "over 3 seeds" in out
    assert "latency p95" in out
    assert "median" in file.read_text(encoding="utf-8-sig").splitlines()[0]
    asked = json.loads(rehearse("chat", *SOON, "--seeds", "3", "--json")[0])
    assert (asked["seeds"], asked["seeds_done"], len(asked["ranges"]["success_rate"])) == (3, 3, 3)


def test_an_assertion_must_hold_under_each_seed(group):
    result = json.loads(rehearse("chat", *SOON, "--seeds", "5", "--json")[0])
    low, _, high = result["ranges"]["latency_p50_ms"]
    first = result["latency_p50_ms"]
    limit = (low + first) / 2 if low < first else (first + high) / 2
    words = ("chat", *SOON, "--seeds", "5", "--assert", f"latency_p50_ms{'<' if low < first else '>'}{limit}")
    err = io.StringIO()
    with pytest.raises(CommandError) as refused:
        call_command("rehearse", *words, stdout=io.StringIO(), stderr=err)
    assert refused.value.returncode == 1
    assert "of 5 seeds)" in err.getvalue()


def test_a_file_that_can_not_be_written_is_said(group, tmp_path):
    code, told = exit_code("chat", *SOON, "--csv", str(tmp_path / "none" / "numbers.csv"))
    assert (code, "can't be written" in told) == (2, True)
