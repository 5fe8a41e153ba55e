"""The lanes under the timeline: faults, cooldowns and failed attempts of each deployment."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from engine.spec import Strategy
from tester.scene import DrawnFault
from tester.traces.lanes import LaneMoment, lanes_of
from tests.tester.rehearsed import drawn, spec_of

GROUP = drawn(spec_of(3, Strategy.PRIORITY_FAILOVER))


def moments(left_s: dict[float, float], failures: dict[float, int], end_s: float = 100) -> list[LaneMoment]:
    """Frames every second; a cooldown is told from the second at which it began on."""
    found, count, until_s = [], 0, 0.0
    for at_s in range(int(end_s) + 1):
        count += failures.get(at_s, 0)
        until_s = at_s + left_s[at_s] if at_s in left_s else until_s
        left = {"d0": max(0.0, until_s - at_s)}
        found.append(LaneMoment(at_s * 1000.0, {"d0": count}, left))
    return found


def test_each_deployment_has_a_lane_in_the_groups_order():
    lanes = lanes_of(GROUP, moments({}, {}))
    assert [lane.deployment.name for lane in lanes] == ["Nebius", "Fireworks", "Azure"]
    assert not any(lane.is_eventful for lane in lanes)


def test_a_cooldown_is_a_bar_from_its_failure_to_its_end():
    (lane, *_) = lanes_of(GROUP, moments({11: 10}, {11: 2}))
    assert [(span.x, span.width, span.words) for span in lane.cooldowns] == [(10, 11, "cooldown, 0:10 to 0:21")]
    assert [(wedge.x, wedge.words) for wedge in lane.wedges] == [(10, "0:10: 2 failed attempts")]


def test_a_failed_trial_begins_another_cooldown():
    (lane, *_) = lanes_of(GROUP, moments({10: 10, 20: 10, 25: 15}, {10: 2, 20: 1, 25: 1}))
    assert len(lane.cooldowns) == 3
    assert all(before.x + before.width <= after.x + 1 for before, after in pairwise(lane.cooldowns))
    assert [wedge.words[:5] for wedge in lane.wedges] == ["0:09:", "0:19:", "0:24:"]


def test_a_cooldown_that_goes_on_ends_with_the_picture():
    (lane, *_) = lanes_of(GROUP, moments({95: 60}, {95: 1}))
    assert [(span.x, span.width) for span in lane.cooldowns] == [(94, 6)]


def test_faults_that_were_set_are_bars_of_those_they_strike():
    faults = (DrawnFault("d0", 10_000, 70_000, "down", is_down=True), DrawnFault("d1", 0, float("inf"), "4× as slow"))
    first, second, third = lanes_of(replace(GROUP, faults=faults), moments({}, {}))
    assert [(span.x, span.width, span.words) for span in first.faults] == [(10, 60, "down, 0:10 to 1:10")]
    assert [(span.x, span.width) for span in second.faults] == [(0, 100)]
    assert third.faults == ()


def test_of_many_deployments_those_with_events_come_first():
    group = drawn(spec_of(10, Strategy.PRIORITY_FAILOVER))
    fault = DrawnFault("d7", 0, float("inf"), "down", is_down=True)
    lanes = lanes_of(replace(group, faults=(fault,)), moments({}, {}))
    assert [lane.deployment.deployment_id for lane in lanes[:2]] == ["d7", "d0"]


def test_before_the_first_frame_there_are_no_lanes():
    assert lanes_of(GROUP, []) == ()
