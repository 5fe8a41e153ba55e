"""The pure parts of the failure drill, and the balancer's configuration that it shares with everybody."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter

import pytest

from deploy.drill.caller_load import judged
from deploy.drill.drill_table import Judged, Struck, could_not_be_saved, rows, table
from deploy.drill.installation import CONFIG, NOTICE_S, balancer_config

CHOICE = {"choices": [{"message": {"role": "assistant", "content": "You said tea."}}]}
EVENTS = b"".join(
    b"data: " + json.dumps({"choices": [{"delta": {"content": part}}]}).encode() + b"\n\n"
    for part in ("You said ", "tea.")
)


def test_the_drill_uses_the_balancers_configuration_with_its_own_ports():
    text = balancer_config(CONFIG.read_text(), port=9000, workers=[9001, 9002])
    assert re.findall(r"^ +(bind .*|server .*)$", text, re.MULTILINE) == [
        "bind 127.0.0.1:9000",
        "server worker1 127.0.0.1:9001",
        "server worker2 127.0.0.1:9002",
        "server any1 127.0.0.1:9001 backup no-check",
        "server any2 127.0.0.1:9002 backup no-check",
    ]


def test_where_all_checks_fail_the_same_workers_are_asked_all_the_same():
    servers = re.findall(r"^ +server \w+ (\S+)(.*)$", CONFIG.read_text(), re.MULTILINE)
    checked = [address for address, more in servers if not more]
    assert [address for address, more in servers if more == " backup no-check"] == checked
    assert len(servers) == 2 * len(checked)


def test_a_request_that_was_sent_is_never_sent_again():
    """An upstream may have been paid for it."""
    lines = [line.split() for line in CONFIG.read_text().splitlines() if not line.lstrip().startswith("#")]
    assert [line for line in lines if line[:1] == ["retry-on"]] == [["retry-on", "conn-failure"]]


def test_the_balancer_notices_a_worker_that_stops_before_it_takes_no_more():
    """Checks a second apart until the first fails, half a second from then on."""
    found = dict(re.findall(r"\b(inter|fastinter|fall) (\d+)", CONFIG.read_text().rpartition("default-server")[2]))
    within_ms = int(found["inter"]) * 1000 + (int(found["fall"]) - 1) * int(found["fastinter"])
    assert within_ms < NOTICE_S * 1000


@pytest.mark.skipif(not shutil.which("haproxy"), reason="HAProxy is not installed")
def test_the_balancer_reads_its_configuration():
    found = subprocess.run(["haproxy", "-c", "-f", CONFIG], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize(
    ("status", "body", "is_stream", "why"),
    [
        (200, json.dumps(CHOICE).encode(), False, ""),
        (200, EVENTS + b"data: [DONE]\n\n", True, ""),
        (200, EVENTS, True, "stream without its end"),
        (200, json.dumps(CHOICE).replace("tea", "coffee").encode(), False, "another answer"),
        (200, b"{", False, "another answer"),
        (503, b'{"error": {"code": "server_stopping"}}', False, "503 server_stopping"),
        (502, b"<html><body>", False, "502 of the balancer"),
        (500, b"oh", False, "500"),
    ],
)
def test_callers_judge_what_they_get(status: int, body: bytes, is_stream: bool, why: str):
    assert judged(status, body, "tea", is_stream=is_stream) == why


@pytest.mark.parametrize(
    ("call", "is_lost"),
    [
        (Judged(9.9, 0.3, "answer cut"), True),
        (Judged(9.9, 0.3, "no answer, ServerDisconnectedError"), True),
        (Judged(9.9, 0.3, "503 not_ready"), False),
        (Judged(9.9, 0.05, "answer cut"), False),
        (Judged(10.1, 0.3, "answer cut"), True),
        (Judged(10.3, 0.3, "answer cut"), False),
    ],
)
def test_only_what_was_under_way_when_a_worker_was_killed_could_not_be_saved(call: Judged, is_lost: bool):
    assert could_not_be_saved(call, [(10.0, 10.2)]) is is_lost


def test_the_table_counts_what_began_in_a_step_and_what_the_log_lacks():
    steps = [Struck("calm", 0, 5), Struck("a kill", 5, 20, kills=((10.0, 10.2),), back_s=(7.25,))]
    calls = [
        Judged(1, 0.2, call_id="a"),
        Judged(9.9, 0.3, "answer cut"),
        Judged(11, 0.4, call_id="b"),
        Judged(12, 0.5, "503 not_ready", call_id="c"),
    ]
    calm, kill = rows(steps, calls, frozenset("ab"))
    assert calm.is_good
    assert (kill.failures, kill.unsaved, kill.answers, kill.logged) == (
        Counter({"answer cut": 1, "503 not_ready": 1}),
        1,
        2,
        1,
    )
    assert not kill.is_good
    assert table([calm, kill]).splitlines()[2:] == [
        "| calm | 1 | 0 | - | 0 | 0.20 | 1 | 1 | - |",
        "| a kill | 3 | 2 | 1 × answer cut, 1 × 503 not_ready | 1 | 0.50 | 2 | 1 | 7.2 |",
    ]
