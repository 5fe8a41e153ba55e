"""`manage.py rehearse A --against B`: the differences of two configurations at a terminal."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from tester.comparing.wording import change_text, value_text
from tester.models import Run
from tests.factories import make_group

FEW = ("--requests", "40", "--seed", "7", "--seeds", "2")


def rehearse(*words: str) -> str:
    out = io.StringIO()
    call_command("rehearse", *words, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def alone(group):
    first = group.deployments.first().model
    return make_group(name="alone", strategy="priority-failover", models=[first], retry_config=group.retry_config)


def test_a_table_says_which_side_is_better(group, alone, tmp_path):
    scenario = tmp_path / "down.json"
    scenario.write_text(json.dumps({"faults": [{"kind": "outage", "target": "provider:Nebius"}]}))
    out = rehearse("alone", "--against", "chat", "--scenario-file", str(scenario), *FEW)
    assert out.startswith("A  alone\nB  chat\n")
    assert "40 requests on each side, 2 seeds from 7" in out
    (line,) = [line for line in out.splitlines() if line.startswith("Success")]
    assert line.split()[1:5] == ["0", "%", "100", "%"]
    assert line.endswith("B is better")
    assert not Run.objects.exists()


def test_a_group_against_itself_has_no_better_side(group):
    out = rehearse("chat", "--against", "chat", *FEW)
    assert "is better\n" not in out.split("A side is better")[0]
    told = json.loads(rehearse("chat", "--against-revision", "1", *FEW, "--json"))
    assert {(one["low"], one["high"], one["better"]) for one in told["differences"]} == {(0, 0, None)}


def test_the_other_router_is_a_side(group):
    told = json.loads(rehearse("chat", "--against-router", "native", *FEW, "--json"))
    assert told["names"] == {"a": "chat", "b": "chat, Routing Console's own router"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--against", "nobody"], "there is no routing group 'nobody'"),
        (["--against-revision", "9"], "There is no revision 9 of 'chat'"),
        (["--against", "chat", "--assert", "success_rate>=0.5"], "Leave them out of a comparison"),
        (["--against", "chat", "--strict"], "Leave them out of a comparison"),
        (["--against", "chat", "--scenario", "meteor"], "primary-outage"),
    ],
)
def test_bad_input_exits_2(group, words, says):
    with pytest.raises(CommandError) as refused:
        rehearse("chat", *words)
    assert refused.value.returncode == 2
    assert says in str(refused.value)


def test_numbers_are_said_with_their_units():
    assert [value_text("success_rate", 0.9934), value_text("latency_p95_ms", 1240.4)] == ["99.3\u202f%", "1,240 ms"]
    assert [value_text("cost_usd", 0.01234), value_text("cost_usd", 0.0)] == ["$0.012", "$0.00"]
    assert [change_text("share:x", 0.031), change_text("success_rate", -0.5)] == ["+3.1 points", "−50.0 points"]
    assert [change_text("latency_p50_ms", -0.25), change_text("cost_usd", 0.002)] == ["−0.2 ms", "+$0.002"]
    assert change_text("cost_usd", 0.0) == "0"
