"""`manage.py rehearse GROUP --history YEAR`: for people, for programs and for CI."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from tester.history import performing
from tester.history.performing import PastRehearsal
from tester.models import HistoryRun
from tester.terminal.history_table import percent, worst_line

DONE = {
    "from": "2024-01-01T00:00Z",
    "until": "2025-01-01T00:00Z",
    "availability": 0.9997,
    "ranges": {"availability": [0.9994, 0.9997, 0.9999], "lost": [1, 2, 3], "cost_usd": [1, 1, 1]},
    "alone": {"OpenAI": 0.984, "Anthropic": 0.993},
    "requests": 527_040,
    "lost": 150.5,
    "cost_usd": 1234.5,
    "weeks": [],
    "worst": [{"from": "2024-12-12T02:00Z", "until": "2024-12-12T07:00Z", "lost": 125, "down": ["a", "b"]}],
    "seeds": [1, 2],
}


@pytest.fixture
def known(monkeypatch):
    """The answer is known, so that these tests are about the words and the exit codes."""

    def conduct(self: PastRehearsal) -> None:
        HistoryRun.objects.update(status="done", result={**DONE, **self._plan.told})

    monkeypatch.setattr(PastRehearsal, "conduct", conduct)


def rehearse(*words: str) -> tuple[str, str, int]:
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("rehearse", "chat", *words, stdout=out, stderr=err)
    except CommandError as refused:
        code = refused.returncode
        err.write(str(refused))
    return out.getvalue(), err.getvalue(), code


def test_a_year_in_words_for_people(group, known):
    out, err, code = rehearse("--history", "2024")
    assert (err, code) == ("", 0)
    assert "group      99.97\u202f%, 99.94\u202f% to 99.99\u202f% over 2 seeds; 150.5 of 527,040 lost" in out
    assert "alone      OpenAI 98.4\u202f%" in out
    assert "12 December 2024, 02:00 to 07:00 UTC: 125 lost, a and b were down" in out


def test_json_for_programs(group, known):
    out, _, _ = rehearse("--history", "2024", "--json")
    assert json.loads(out)["alone"] == DONE["alone"]


def test_assertions_decide_the_exit_code(group, known):
    assert rehearse("--history", "2024", "--assert", "availability>=0.999")[2] == 0
    assert rehearse("--history", "2024", "--assert", "availability_low>=0.9994", "--assert", "lost<200")[2] == 0
    _, err, code = rehearse("--history", "2024", "--assert", "availability>=0.9999")
    assert code == 1
    assert "availability>=0.9999: it is 0.9997" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--history", "2024", "--assert", "latency_p95_ms<9"), "no such metric here"),
        (("--assert", "availability>=0.9"), "no such metric here"),
        (("--history", "2024", "--scenario", "healthy"), "no meaning with --history"),
        (("--history", "2024", "--service", "OpenAI"), "PROVIDER=SERVICE"),
        (("--history", "2024", "--service", "OpenAI=nobody"), "No incidents are known"),
        (("--history", "2024", "--csv", "x.csv"), "no meaning with --history"),
        (("--history", "2024", "--against-router", "litellm"), "no meaning with --history"),
        (("--history", "2024", "--seed", "-1"), "0 or more"),
        (("--history", "2022"), "No incidents of"),
        (("--history", "1999"), "Give a year from 2000"),
    ],
)
def test_bad_input_exits_with_2_and_says_what_to_do(group, known, words, said):
    _, err, code = rehearse(*words)
    assert (code, said in err) == (2, True), err


def test_a_rehearsal_that_takes_too_long_exits_with_3(group, monkeypatch):
    monkeypatch.setattr(performing, "LONGEST_S", -1.0)
    _, err, code = rehearse("--history", "2024", "--seeds", "1")
    assert code == 3
    assert "fewer seeds" in err


def test_a_share_is_never_rounded_up_to_100_percent():
    assert percent(0.999999) != "100\u202f%"
    assert (percent(1), percent(0.99251), percent(0)) == ("100\u202f%", "99.251\u202f%", "0\u202f%")


def test_hours_over_midnight_name_both_days():
    one = {"from": "2024-12-11T23:00Z", "until": "2024-12-12T02:00Z", "lost": 3, "down": ["a"]}
    assert worst_line(one) == "11 December 2024, 23:00 to 12 December 02:00 UTC: 3 lost, a was down"
