"""The live diagram: numbers and geometry."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from engine.spec import Strategy
from tester.scene import DrawnGroup, Mode, Scene, mode_of, scene_of
from tester.scene.captions import fitted
from tester.scene.frame_elements import milliseconds, success
from tester.scene.sheets import sheets_of
from tests.tester.rehearsed import PROVIDERS, WEIGHTS, drawn, spec_of

CHAIN = drawn(spec_of(3, Strategy.PRIORITY_FAILOVER))
FAN = drawn(spec_of(3, Strategy.WEIGHTED))


def row(served: int, failed: int = 0, **more: Any) -> dict[str, Any]:
    defaults = {"in_flight": 0, "avg_latency_ms": 149.0, "cooldown_left_s": 0.0}
    errors = {"ServiceUnavailableError": failed} if failed else {}
    counts = {"request_count": served + failed, "success_count": served, "failure_count": failed, "errors": errors}
    return {**defaults, **counts, **more}


def lately(told: dict[str, Any], attempts: int, failures: int) -> dict[str, Any]:
    return {**told, "recent_request_count": attempts, "recent_failure_count": failures}


def frame(
    *rows: dict[str, Any], failed: int = 0, fallbacks: int = 0, expected: int | None = None, **more: Any
) -> dict[str, Any]:
    answered = sum(r["success_count"] for r in rows)
    requests = {"started": answered + failed, "succeeded": answered, "failed": failed, "in_flight": 0}
    requests |= {} if expected is None else {"expected": expected}
    deployments = {f"d{n}": r for n, r in enumerate(rows)}
    return {"requests": {**requests, "fallbacks": fallbacks}, "deployments": deployments, "last_traces": [], **more}


def attempt(index: int, status: str = "success", **more: Any) -> dict[str, Any]:
    name = PROVIDERS[index][0] if index < 9 else "Elsewhere"
    error = None if status == "success" else "RateLimitError"
    shape = {"deployment_id": f"d{index}", "deployment_name": name, "status": status, "status_code": 429}
    return {**shape, "duration_ms": 232.4, "error_class": error, **more}


def trace(*attempts: dict[str, Any], depth: int = 1) -> dict[str, Any]:
    status = attempts[-1]["status"] if attempts else "error"
    return {"status": status, "fallback_depth": depth, "attempts": list(attempts)}


SEED = frame(row(285, 51), row(34, 17), row(17), fallbacks=51)


def texts(scene: Scene) -> dict[str, str]:
    return {part.id: part.text for part in scene.parts if part.text}


def test_the_seeds_numbers_are_shown_as_in_the_seed():
    shown = texts(scene_of(CHAIN, SEED, Mode.ORDERED))
    assert [shown[id] for id in ("rq", "ok", "fb")] == ["336", "100%", "51"]
    assert [shown[id] for id in ("q0", "q1", "q2")] == ["85%", "10%", "5%"]
    assert [shown[id] for id in ("n0", "n1", "n2")] == ["285 req", "34 req", "17 req"]
    assert [shown[id] for id in ("t0", "t1")] == ["fail · 51", "fail · 17"]
    assert shown["m0"] == "149ms avg"


def test_streams_are_as_thick_as_their_share_of_the_traffic():
    scene = scene_of(FAN, frame(row(278), row(32), row(26)), Mode.WEIGHTED)
    widths = [float(card.stream.attributes["stroke-width"]) for card in scene.cards if card.stream]
    assert widths == [35.0, 4.0, 3.0]
    assert [card.ring.attributes["stroke-dasharray"] for card in scene.cards if card.ring] == [
        "83 100",
        "9 100",
        "8 100",
    ]


def test_before_anything_ran_streams_promise_what_the_weights_say():
    scene = scene_of(FAN, None, Mode.WEIGHTED)
    assert [card.stream.attributes["stroke-width"] for card in scene.cards if card.stream] == ["35", "4", "3"]
    assert "is-idle" in scene.root.attributes["class"]
    assert {texts(scene)[f"q{n}"] for n in range(3)} == {"–"}


def test_a_frame_that_counts_its_moves_is_believed():
    flows = [("d0", "d1", 40), ("d0", "d2", 3), ("d1", "d2", 12), (None, "d0", 300), (None, "d1", 20), ("d2", "x", 2)]
    moves = [{"from_deployment": a, "to_deployment": b, "request_count": n, "reason": ""} for a, b, n in flows]
    shown = texts(scene_of(CHAIN, {**SEED, "flow_data": moves}, Mode.ORDERED))
    assert (shown["t0"], shown["u0"]) == ("fail · 43", "20 skipped: cooling")
    assert (shown["t1"], shown["u1"]) == ("fail · 12", "3 skipped: cooling")


def test_a_frame_that_knows_the_latency_of_requests_is_believed():
    told = {**SEED, "requests": {**SEED["requests"], "avg_latency_ms": 169.4}}
    assert texts(scene_of(CHAIN, told, Mode.ORDERED))["av"] == "169ms"
    assert texts(scene_of(CHAIN, SEED, Mode.ORDERED))["av"] == "149ms"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (row(99, 1), ("is-healthy", "healthy")),
        (row(9, 1), ("is-degraded", "degraded")),
        (row(9, 1, cooldown_left_s=11.7), ("is-cooling", "cooling 12s")),
        (row(9, 1, cooldown_left_s=0.4), ("is-cooling", "cooling <1s")),
        (row(0, 3), ("is-failing", "failing")),
        (row(0), ("is-idle", "idle")),
        (lately(row(50, 50), 20, 0), ("is-healthy", "healthy")),
        (lately(row(99, 2), 20, 2), ("is-degraded", "degraded")),
        (lately(row(99, 2), 4, 2), ("is-failing", "failing")),
        (lately(row(99, 1), 1, 1), ("is-degraded", "degraded")),
        (lately(row(50, 50, cooldown_left_s=3), 0, 0), ("is-cooling", "cooling 3s")),
        (lately(row(50, 50), 0, 0), ("is-idle", "idle")),
        (lately(row(50, 50, in_flight=1), 0, 0), ("is-failing", "failing")),
    ],
)
def test_a_card_shows_the_recent_state_of_its_deployment(told: dict[str, Any], expected: tuple[str, str]):
    scene = scene_of(CHAIN, frame(told, row(1), row(1)), Mode.ORDERED)
    assert (scene.cards[0].card.attributes["class"].split()[1], scene.cards[0].state.text) == expected


def test_a_card_shows_what_went_wrong_and_what_is_in_flight():
    errors = {"RateLimitError": 6, "Timeout": 3, "Strange": 1}
    card = scene_of(CHAIN, frame(row(10, 10, errors=errors, in_flight=3)), Mode.ORDERED).cards[0]
    assert (card.errors.text, card.in_flight.text) == ("6×429 · 3×timeout", "3")
    bars = (card.ok_bar, card.limited_bar, card.failed_bar)
    assert [bar.attributes["width"] for bar in bars] == ["50", "80", "100"]


def test_the_last_fallback_is_told_step_by_step():
    told = trace(attempt(0, "error"), attempt(1))
    scene = scene_of(CHAIN, frame(row(1, 1), row(1), last_traces=[told, trace(attempt(0), depth=0)]), Mode.ORDERED)
    shown = [(step.name.text, step.outcome.text) for step in scene.steps if step.name.text]
    assert shown == [("Nebius", "429"), ("Fireworks", "232ms")]
    assert "has-fallback" in scene.root.attributes["class"]
    assert scene.steps[0].step.attributes["class"] == "step is-failed p p-nebius"


@pytest.mark.parametrize(
    ("error_class", "status_code", "expected"),
    [
        ("InternalServerError", None, "error"),
        ("APIError", 529, "529"),
        ("Timeout", 504, "timeout"),
        ("UnreadableAnswerError", None, "unreadable"),
        ("UpstreamConnectionError", None, "connection"),
    ],
)
def test_a_step_shows_the_status_that_came_and_none_that_did_not(
    error_class: str, status_code: int | None, expected: str
):
    told = trace(attempt(0, "error", error_class=error_class, status_code=status_code), attempt(1))
    scene = scene_of(CHAIN, frame(row(1, 1), row(1), last_traces=[told]), Mode.ORDERED)
    assert scene.steps[0].outcome.text == expected


def test_of_many_attempts_the_last_ones_are_shown():
    told = trace(*(attempt(0, "error") for _ in range(6)), attempt(10), depth=0)
    scene = scene_of(FAN, frame(row(1, 6), last_fallback=told), Mode.WEIGHTED)
    assert scene.heading.text == "Last retry · 7 attempts"
    assert scene.steps[-1].name.text == "Elsewhere"


def lit(scene: Scene) -> set[str]:
    return {part.id for part in scene.parts if "is-lit" in part.attributes.get("class", "").split()}


def test_the_way_of_a_single_request_lights_up_in_both_pictures():
    moves = [{"from_deployment": "d0", "to_deployment": "d1", "request_count": 1, "reason": "fallback_error"}]
    told = frame(row(0, 1), row(1), row(0), fallbacks=1, expected=1, flow_data=moves)
    chain, fan = scene_of(CHAIN, told, Mode.ORDERED), scene_of(FAN, told, Mode.WEIGHTED)
    assert lit(chain) == {"c0", "s0", "d0", "c1"}
    assert lit(fan) == {"c0", "s0", "c1", "s1"}
    assert all("is-single" in scene.root.attributes["class"] for scene in (chain, fan))


def test_the_way_of_a_single_request_that_nobody_answered_lights_up_to_its_end():
    moves = [{"from_deployment": f"d{n}", "to_deployment": f"d{n + 1}", "request_count": 1} for n in range(2)]
    told = frame(row(0, 1), row(0, 1), row(0, 1), failed=1, expected=1, flow_data=moves, last_traces=[trace()])
    scene = scene_of(CHAIN, told, Mode.ORDERED)
    assert lit(scene) == {"c0", "s0", "d0", "c1", "d1", "c2"}
    assert {"is-single", "is-exhausted"} <= set(scene.root.attributes["class"].split())


def test_a_single_request_under_way_lights_where_it_is_and_many_requests_light_nothing_alone():
    waiting = scene_of(CHAIN, frame(row(0, in_flight=1), row(0), row(0), expected=1), Mode.ORDERED)
    assert lit(waiting) == {"c0", "s0"}
    begun = scene_of(CHAIN, frame(row(1), row(0), row(0), expected=2), Mode.ORDERED)
    assert "is-single" not in begun.root.attributes["class"]
    assert lit(begun) == set()


def test_the_progress_of_a_run_is_told_until_it_is_over():
    stats = scene_of(CHAIN, frame(row(420), row(0), row(0), expected=1000), Mode.ORDERED).stats
    assert (stats.requests.text, stats.expected.text) == ("420", "of 1,000")
    assert stats.progress.attributes == {"class": "progress", "value": "42"}
    over = scene_of(CHAIN, frame(row(9), row(1), row(0), expected=10), Mode.ORDERED).stats
    assert (over.expected.text, over.progress.attributes["class"]) == ("", "progress is-over")


def test_exhaustion_is_seen():
    scene = scene_of(CHAIN, frame(row(0, 4), row(0, 4), row(0, 4), failed=4, last_traces=[trace()]), Mode.ORDERED)
    assert "is-exhausted" in scene.root.attributes["class"]
    assert (scene.exit.failed.text, scene.stats.success.text) == ("exhausted · 4", "0%")
    assert "is-nothing" in scene_of(CHAIN, SEED, Mode.ORDERED).exit.exit.attributes["class"]


def test_what_fallback_groups_answered_is_no_ones_share():
    scene = scene_of(CHAIN, frame(row(60), row(20), row(0), row(20)), Mode.ORDERED)
    assert [card.share.text for card in scene.cards] == ["60%", "20%", "0%"]
    assert scene.exit.elsewhere.text == "20 answered by fallback groups"


def test_the_mode_follows_the_strategy_and_the_other_is_a_preview():
    assert {mode_of(s) for s in Strategy if s is not Strategy.PRIORITY_FAILOVER} == {Mode.WEIGHTED}
    preview = scene_of(FAN, SEED, mode_of(FAN.strategy).other)
    assert preview.is_preview
    assert preview.badge == "Ordered Fallback"
    assert preview.info.startswith("A preview")
    assert len(preview.links) == 2


@pytest.mark.parametrize("strategy", Strategy)
def test_every_strategy_has_its_words_in_both_modes(strategy: Strategy):
    for mode in Mode:
        scene = scene_of(replace(CHAIN, strategy=strategy), SEED, mode)
        assert all((scene.badge, scene.decides, scene.info, scene.description))


def test_a_group_without_deployments_is_drawn_too():
    for mode in Mode:
        assert scene_of(DrawnGroup("empty", Strategy.WEIGHTED, ()), frame(), mode).pictures[0].cards == ()


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("count", WEIGHTS)
def test_cards_stand_apart_and_on_the_sheet(count: int, mode: Mode):
    for sheet in sheets_of(drawn(spec_of(count, Strategy.PRIORITY_FAILOVER)), mode):
        assert all(above.bottom + 10 < below.y for above, below in pairwise(sheet.cards))
        assert sheet.cards[-1].bottom + 30 < sheet.height
        assert all(box.right < sheet.format.width for box in sheet.cards)
        assert len(sheet.drops) == (count - 1 if mode is Mode.ORDERED else 0)
        assert sum(stream is not None for stream in sheet.streams) == (1 if mode is Mode.ORDERED else count)


def test_deployments_of_one_priority_share_a_frame():
    group = drawn(spec_of(5, Strategy.PRIORITY_FAILOVER, (1, 1, 2, 2, 3)))
    for sheet in sheets_of(group, Mode.ORDERED):
        first, second = sheet.groups
        assert 0 < first.x < first.right < sheet.format.width
        assert first.y < sheet.cards[0].y < sheet.cards[1].bottom < first.bottom < second.y
        assert len(sheet.drops) == 2


@pytest.mark.parametrize(
    ("finished", "failed", "shown"),
    [(0, 0, "–"), (9, 0, "100%"), (3000, 1, "99.9%"), (9, 9, "0%"), (3000, 2999, "<0.1%"), (200, 1, "99.5%")],
)
def test_a_success_rate_never_flatters(finished: int, failed: int, shown: str):
    assert success(finished, failed) == shown


def test_long_latencies_and_long_names_stay_short():
    assert [milliseconds(v) for v in (None, 149.4, 9999.4, 12345.0)] == ["–", "149ms", "9999ms", "12.3s"]
    assert fitted("Nebius", 120, 16) == "Nebius"
    assert fitted("a-deployment-with-a-very-long-name", 120, 16).endswith("…")
