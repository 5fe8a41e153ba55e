"""A group that fails its callers: raised within a minute at any rate, over when it is, and nothing else raises it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from engine.outcomes import Outcome
from tests.usage.log import finished, log
from tests.usage.logged import tried
from usage.alerting import current_rules, settle
from usage.alerting.group_rule import EXAMPLE, Answers, failing_groups, rule_of
from usage.alerting.thresholds import GROUP_RULE
from usage.health.recent import count_recent
from usage.models import Alert, AlertKind, RequestRecord

pytestmark = pytest.mark.django_db
RULE = rule_of(EXAMPLE)
KIND = AlertKind.GROUP_FAILING
LOOK_S = 15


class World:
    """A clock that tests move, a group that is asked at an even rate, and the look at alerts that comes with it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime(2030, 1, 1, 12, tzinfo=UTC)
        monkeypatch.setattr(timezone, "now", lambda: self.now)

    def serve(self, *, seconds: int, per_s: float, outcome: Outcome, group: str = "chat", look: bool = True) -> None:
        """Looks every 15 seconds, as a server does, after what ended until then was written."""
        for second in range(1, seconds + 1):
            before, after = int((second - 1) * per_s), int(second * per_s)
            count_recent([ended(self.now, outcome, model_group=group) for _ in range(after - before)])
            self.now += timedelta(seconds=1)
            if look and second % LOOK_S == 0:
                settle([KIND])

    @property
    def open(self) -> list[str]:
        return list(Alert.objects.open().filter(kind=KIND).values_list("subject", flat=True))


def ended(at: datetime, outcome: Outcome, **fields: Any) -> RequestRecord:
    usual = {"started_at": at, "duration_ms": 0.0, "outcome": outcome.value, "model_group": "chat"}
    return finished(**{**usual, **fields})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.mark.parametrize("per_s", [1, 100])
@pytest.mark.parametrize("minutes_before", [0, 1, 12])
def test_a_total_outage_is_raised_within_a_minute(world, per_s, minutes_before):
    if per_s == 1 or minutes_before < 12:
        world.serve(seconds=60 * minutes_before, per_s=per_s, outcome=Outcome.ANSWERED)
    assert world.open == []
    world.serve(seconds=45, per_s=per_s, outcome=Outcome.FAILED)
    assert world.open == ["chat"]


def test_a_group_that_is_asked_once_in_two_minutes_is_noticed_too(world):
    world.serve(seconds=480, per_s=1 / 120, outcome=Outcome.FAILED)
    assert world.open == []
    world.serve(seconds=120, per_s=1 / 120, outcome=Outcome.FAILED)
    assert world.open == ["chat"]


def test_it_is_over_when_less_than_half_of_the_shares_failed_and_not_before(world):
    world.serve(seconds=60, per_s=1, outcome=Outcome.FAILED)
    world.serve(seconds=165, per_s=1, outcome=Outcome.ANSWERED)
    assert world.open == ["chat"]
    world.serve(seconds=30, per_s=1, outcome=Outcome.ANSWERED)
    assert world.open == []
    assert Alert.objects.get().resolved_at is not None


def test_a_group_that_nobody_asks_any_more_is_over_after_ten_minutes(world):
    world.serve(seconds=30, per_s=1, outcome=Outcome.FAILED)
    world.serve(seconds=660, per_s=0, outcome=Outcome.FAILED)
    assert world.open == []


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.LEFT])
def test_what_was_refused_or_left_raises_nothing_and_hides_nothing(world, outcome):
    world.serve(seconds=60, per_s=10, outcome=outcome)
    assert world.open == []
    world.serve(seconds=15, per_s=1, outcome=Outcome.FAILED)
    assert world.open == ["chat"]


def test_groups_are_told_apart(world):
    world.serve(seconds=15, per_s=10, outcome=Outcome.ANSWERED, group="well")
    world.serve(seconds=30, per_s=1, outcome=Outcome.FAILED, group="ill")
    assert world.open == ["ill"]


@pytest.mark.parametrize(
    ("short", "long", "raised", "kept"),
    [
        ((20, 1), (20, 1), True, True),
        ((20, 0), (40, 1), False, False),
        ((19, 2), (19, 2), False, True),
        ((100, 4), (100, 4), False, True),
        ((100, 2), (1000, 100), False, False),
        ((0, 0), (5, 3), True, True),
        ((0, 0), (4, 4), False, True),
        ((0, 0), (10, 4), False, True),
        ((0, 0), (10, 2), False, False),
        ((0, 0), (0, 0), False, False),
    ],
)
def test_the_rule_and_its_margin(short, long, raised, kept):
    answers = [Answers("g", (short, long))]
    assert bool(failing_groups(answers, RULE)) is raised
    assert bool(failing_groups(answers, RULE, open={"g"})) is kept


def test_the_message_has_the_numbers_the_cause_and_what_to_do():
    tries = [tried("OpenAI", status="error"), tried("Groq", status="error", status_code=408, error_class="Timeout")]
    log(finished(model_group="chat", status=503, attempts=tries))
    skip = {"provider": "OpenAI", "reason": "cooling", "cause": "1×503", "message": "It cools down."}
    cooling: dict[str, Any] = {"status": 429, "error_class": "all_cooling_down", "skipped": [skip]}
    log(*(finished(model_group="chat", **cooling) for _ in range(5)))
    settle([KIND])
    (alert,) = Alert.objects.open()
    assert alert.message.startswith("chat failed 6 of 6 requests in the last 10 minutes (100\u202f%): ")
    assert "all deployments are cooling; OpenAI answered 503, Groq timed out. The request log" in alert.message


def test_the_setting_and_the_threshold_are_one_rule():
    assert GROUP_RULE == RULE
    assert current_rules()[KIND].threshold == 5


@pytest.mark.parametrize("text", ["", "5%", "5% of 20 in 60 s", "5% of 0 in 60 s, 50% of 5 in 600 s", "x, y"])
def test_a_rule_that_makes_no_sense_is_refused(text):
    with pytest.raises(ValueError, match="two parts such as"):
        rule_of(text)
