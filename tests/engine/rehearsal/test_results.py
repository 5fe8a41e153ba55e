"""What frames say of the last seconds."""

from __future__ import annotations

from engine.ledger import Attempt, AttemptStatus, Trace
from engine.outcomes import Outcome
from engine.rehearsal.results import Tally
from engine.spec import Strategy
from tests.engine.scripted import deployment, group


def tally() -> Tally:
    return Tally((group("g", Strategy.WEIGHTED, deployments=(deployment("a"), deployment("b"))),), 100)


def add(tally: Tally, name: str, *, fails: bool = False) -> None:
    status: AttemptStatus = "error" if fails else "success"
    attempt = Attempt(name, name, name, "g", 1, 0.0, duration_ms=5.0, status=status)
    error = "ServiceUnavailableError" if fails else None
    outcome = Outcome.FAILED if fails else Outcome.ANSWERED
    tally.add(Trace("1", "g", [attempt]), duration_ms=5.0, error=error, usage=None, outcome=outcome)


def recent(tally: Tally, at_s: float) -> dict[str, tuple[int, int]]:
    frame = tally.frame(at_ms=at_s * 1000, cooldowns_s={}, last=[])
    rows = frame["deployments"].items()
    return {name: (row["recent_request_count"], row["recent_failure_count"]) for name, row in rows}


def test_frames_count_the_attempts_of_the_last_ten_seconds():
    counted = tally()
    assert recent(counted, 0) == {"a": (0, 0), "b": (0, 0)}
    add(counted, "a", fails=True)
    assert recent(counted, 4)["a"] == (1, 1)
    add(counted, "a")
    assert recent(counted, 8)["a"] == (2, 1)
    assert recent(counted, 14)["a"] == (1, 0)
    assert recent(counted, 40) == {"a": (0, 0), "b": (0, 0)}


def test_frames_far_apart_look_back_to_the_one_before():
    counted = tally()
    for at_s in (0, 32, 64):
        add(counted, "b")
        assert recent(counted, at_s)["b"] == (1, 0)


def test_what_is_recent_is_remembered_for_as_long_as_it_is():
    counted = tally()
    for n in range(1000):
        recent(counted, n / 4)
    assert len(counted._past) <= 42
    assert counted.frame(at_ms=250_000.0, cooldowns_s={}, last=[])["requests"]["expected"] == 100
