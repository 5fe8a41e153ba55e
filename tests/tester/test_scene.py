"""The live diagram: numbers and geometry."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from engine.exceptions import Hindrance, NoneFree
from engine.spec import Strategy
from groups.models import RoutingGroup
from tester.scene import DrawnFault, DrawnGroup, Mode, Scene, mode_of, scene_of
from tester.scene.captions import fitted
from tester.scene.frame_numbers import SHORT
from tester.scene.sheets import WIDEST, sheets_of
from tester.scene.wording import dollars, milliseconds, success
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


def plain(shown: str) -> str:
    """With ordinary spaces before units."""
    return shown.replace("\u202f", " ")


def test_the_seeds_numbers_are_shown_as_in_the_seed():
    shown = texts(scene_of(CHAIN, SEED, Mode.ORDERED))
    assert [plain(shown[id]) for id in ("rq", "ok", "fb")] == ["336", "100 %", "51"]
    assert [plain(shown[id]) for id in ("q0", "q1", "q2")] == ["85 %", "10 %", "5 %"]
    assert [shown[id] for id in ("n0", "n1", "n2")] == ["285", "34", "17"]
    assert [shown[id] for id in ("fl0", "fl1")] == ["fail 51", "fail 17"]
    assert plain(shown["m0"]) == "149 ms"


def widths(scene: Scene) -> list[float]:
    """Of all streams out of the hub, in user units; 0 where there is none."""
    found = [live.stream.attributes for live in scene.streams]
    return [0.0 if "is-unused" in one["class"] else float(one["stroke-width"]) for one in found]


@pytest.mark.parametrize("mode", Mode)
def test_streams_are_as_wide_as_their_share_of_all_requests_in_both_modes(mode: Mode):
    scene = scene_of(CHAIN, frame(row(200, 90), row(80), row(20), failed=100), mode)
    assert widths(scene) == [22.0, 9.0, 2.0, 11.0]
    assert sum(widths(scene)) == WIDEST


def test_the_rings_of_the_fan_say_the_same():
    scene = scene_of(FAN, frame(row(278), row(32), row(26)), Mode.WEIGHTED)
    rings = [card.ring.attributes["stroke-dasharray"] for card in scene.cards if card.ring]
    assert rings == ["83 100", "9 100", "8 100"]


def test_streams_leave_the_hub_side_by_side_in_the_order_of_tiers():
    scene = scene_of(CHAIN, frame(row(200), row(100), row(50), failed=50), Mode.ORDERED)
    begins = [float(path.attributes["d"].split()[1].split("C")[0]) for path in scene.paths[0]]
    hub_y = scene.pictures[0].sheet.hub[1]
    assert [y - hub_y for y in begins] == [-11.0, 5.5, 14.0, 19.0]


def test_before_anything_ran_streams_promise_what_the_weights_say():
    scene = scene_of(FAN, None, Mode.WEIGHTED)
    assert widths(scene) == [36.5, 4.5, 3.0, 0.0]
    assert "is-idle" in scene.root.attributes["class"]
    assert {texts(scene)[f"q{n}"] for n in range(3)} == {"–"}


def flows(*moves: tuple[str | None, str, int]) -> dict[str, Any]:
    told = [{"from_deployment": a, "to_deployment": b, "request_count": n, "reason": ""} for a, b, n in moves]
    return {"flow_data": told}


def test_failures_and_skips_are_counted_where_they_happened():
    told = flows(("d0", "d1", 3), (None, "d0", 260), (None, "d1", 340))
    scene = scene_of(CHAIN, {**frame(row(257, 3), row(343), row(0)), **told}, Mode.ORDERED)
    shown = texts(scene)
    assert (shown["fl0"], shown["sk0"]) == ("fail 3", "340 skipped while cooling")
    assert "sk1" not in shown
    assert shown["u0"] == "340"
    assert widths(scene)[1] == 25.0, "those that were skipped flow at once to who answered them"


def test_who_skipped_two_tiers_flows_to_the_third():
    told = flows(("d0", "d1", 40), ("d0", "d2", 3), ("d1", "d2", 12), (None, "d0", 300), (None, "d2", 20))
    shown = texts(scene_of(CHAIN, {**SEED, **told}, Mode.ORDERED))
    assert (shown["fl0"], shown["fl1"], shown["sk1"]) == ("fail 43", "fail 12", "20 skipped while cooling")
    assert (shown["u0"], shown["u1"]) == ("20", "23")


def test_attempts_that_failed_are_a_strand_on_their_stream():
    streams = scene_of(CHAIN, frame(row(50, 50), row(50), row(0)), Mode.ORDERED).streams
    tries = [live.tries.attributes for live in streams if live.tries]
    assert tries[0] == {"class": "tries", "stroke-width": "22"}
    assert [one["class"] for one in tries[1:]] == ["tries is-none", "tries is-none"]


def test_a_dead_provider_keeps_its_bed_and_nothing_flows():
    told = frame(row(100, flowing_count=0), row(100, flowing_count=50), row(0), at_ms=20_000.0)
    told["requests"] |= {"flow_s": 5.0, "flowing": 50, "flowing_failed": 0}
    scene = scene_of(CHAIN, told, Mode.ORDERED)
    assert [(live.stream.attributes["stroke-width"], live.core.attributes["stroke-width"]) for live in scene.streams][
        :2
    ] == [("22", "0"), ("22", "22")]
    assert [plain(card.cause.text) for card in scene.cards][:2] == ["now 0 % of traffic", "now 100 % of traffic"]


def test_a_frame_that_knows_the_latency_of_requests_is_believed():
    told = {**SEED, "requests": {**SEED["requests"], "avg_latency_ms": 169.4}}
    assert plain(texts(scene_of(CHAIN, told, Mode.ORDERED))["av"]) == "169 ms"
    assert plain(texts(scene_of(CHAIN, SEED, Mode.ORDERED))["av"]) == "149 ms"


def test_the_figures_of_a_moment_are_shown_and_a_dash_where_nothing_was_measured():
    more = {"latency_p50_ms": 402.0, "latency_p95_ms": 1741.0, "ttft_p95_ms": 318.0, "cost_usd": 0.1112}
    told = {**SEED, "requests": {**SEED["requests"], **more}}
    shown = texts(scene_of(CHAIN, told, Mode.ORDERED))
    assert [plain(shown[id]) for id in ("pp", "ft", "co", "fs")] == ["402 / 1,741 ms", "318 ms", "$0.111", "15 %"]
    before = texts(scene_of(CHAIN, None, Mode.ORDERED))
    assert {before[id] for id in ("ok", "av", "pp", "ft", "co")} == {"–"}


AUTH, QUOTA = {"AuthenticationError": 3}, {"RateLimitError": 3}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (row(99, 1), ("is-answering", "Answering", "")),
        (row(9, 1), ("is-degraded", "Degraded", "1 × 503")),
        (row(9, 1, cooldown_left_s=11.7), ("is-cooling", "Cooling", "after 1 × 503")),
        (row(0, 3), ("is-down", "Down", "3 × 503")),
        (row(0, 3, errors=AUTH), ("is-key-rejected", "Key rejected", "3 × 401")),
        (row(0, 3, errors=QUOTA), ("is-over-quota", "Over quota", "3 × 429")),
        (row(0), ("is-standby", "Standby", "")),
        (lately(row(50, 50), 20, 0), ("is-answering", "Answering", "")),
        (lately(row(99, 2), 20, 2), ("is-degraded", "Degraded", "2 × 503")),
        (lately(row(99, 2), 2, 2), ("is-down", "Down", "2 × 503")),
        (lately(row(99, 1), 1, 1), ("is-degraded", "Degraded", "1 × 503")),
        (lately(row(50, 5, cooldown_left_s=3), 0, 0), ("is-cooling", "Cooling", "after 5 × 503")),
        (lately(row(50, 0), 0, 0), ("is-standby", "Standby", "")),
        (
            lately(row(50, 5, cooldown_left_s=6, failing_count=5, failing_since_ms=10_000), 1, 1),
            ("is-down", "Down", "since 0:10 · 5 × 503"),
        ),
        (lately(row(50, 5, failing_count=5, failing_cooled=True), 0, 0), ("is-probing", "Probing", "after 5 × 503")),
        (
            lately(row(50, 1, failing_count=1, failing_since_ms=0), 0, 0),
            ("is-degraded", "Degraded", "1 × 503"),
        ),
        (lately(row(50, 5, failing_count=5, failing_since_ms=0), 0, 0), ("is-down", "Down", "since 0:00 · 5 × 503")),
    ],
)
def test_a_card_shows_the_state_of_its_deployment_by_word_class_and_cause(
    told: dict[str, Any], expected: tuple[str, str, str]
):
    card = scene_of(CHAIN, frame(told, row(1), row(1)), Mode.ORDERED).cards[0]
    assert (card.card.attributes["class"].split()[1], card.state.text, card.cause.text) == expected


def test_every_state_but_those_of_one_kind_has_a_shape_of_its_own():
    down, limited, cooling, answering = (
        scene_of(CHAIN, frame(told, row(1), row(1)), Mode.ORDERED).cards[0].shape.attributes["d"]
        for told in (row(0, 3), row(0, 3, errors=QUOTA), row(9, 1, cooldown_left_s=1), row(9))
    )
    assert len({down, limited, cooling, answering}) == 4


def test_a_cooldown_counts_down_beside_the_state():
    chips = [row(9, 1, cooldown_left_s=left) for left in (11.7, 0.4, 0.0)]
    cards = scene_of(CHAIN, frame(*chips), Mode.ORDERED).cards
    assert [card.chip.text for card in cards] == ["12 s left", "1 s left", ""]


def test_what_the_scenario_has_down_is_down_whatever_it_answered():
    fault = DrawnFault("d0", 10_000, 70_000, "down", is_down=True)
    group = replace(CHAIN, faults=(fault, DrawnFault("d1", 0, float("inf"), "4× as slow")))
    cards = scene_of(group, frame(row(99), row(1), row(0), at_ms=12_000.0), Mode.ORDERED).cards
    assert [card.state.text for card in cards] == ["Down", "Answering", "Standby"]
    assert [card.fault.text for card in cards] == ["down until 1:10", "4× as slow", ""]
    assert "is-faulted" in cards[0].card.attributes["class"]
    after = scene_of(group, frame(row(99), row(1), row(0), at_ms=70_000.0), Mode.ORDERED).cards
    assert (after[0].state.text, after[0].fault.text) == ("Answering", "")


def test_a_card_shows_what_went_wrong_and_what_is_in_flight():
    errors = {"RateLimitError": 6, "Timeout": 3, "Strange": 1}
    card = scene_of(CHAIN, frame(row(10, 10, errors=errors, in_flight=3)), Mode.ORDERED).cards[0]
    assert (card.cause.text, card.in_flight.text, card.failures.text) == ("6 × 429 · 3 × timeout", "3", "10")
    bars = (card.ok_bar, card.limited_bar, card.failed_bar)
    assert [bar.attributes["width"] for bar in bars] == ["50", "80", "100"]


def test_the_last_fallback_is_told_step_by_step():
    told = trace(attempt(0, "error"), attempt(1))
    scene = scene_of(CHAIN, frame(row(1, 1), row(1), last_traces=[told, trace(attempt(0), depth=0)]), Mode.ORDERED)
    shown = [(step.name.text, plain(step.outcome.text)) for step in scene.steps if step.name.text]
    assert shown == [("Nebius", "429"), ("Fireworks", "232 ms")]
    assert "has-fallback" in scene.root.attributes["class"]
    assert scene.steps[0].step.attributes["class"] == "step is-failed p p-nebius"


def test_the_last_fallback_says_what_was_skipped_and_when():
    skip = {"deployment_id": "d0", "deployment_name": "Llama", "reason": "cooling"}
    told = {**trace(attempt(1, fallback_depth=1)), "skipped": [skip], "at_ms": 23_900.0}
    scene = scene_of(CHAIN, frame(row(1, 1), row(1), last_fallback=told), Mode.ORDERED)
    shown = [(step.name.text, plain(step.outcome.text)) for step in scene.steps if step.name.text]
    assert shown == [("Nebius", "skipped, cooling"), ("Fireworks", "232 ms")]
    assert scene.heading.text == "Last fallback 0:23"


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
    assert lit(chain) == {"c0", "s0", "d0", "c1", "s1"}
    assert lit(fan) == {"c0", "s0", "c1", "s1"}
    assert all("is-single" in scene.root.attributes["class"] for scene in (chain, fan))


def test_the_way_of_a_single_request_that_nobody_answered_lights_up_to_its_end():
    moves = [{"from_deployment": f"d{n}", "to_deployment": f"d{n + 1}", "request_count": 1} for n in range(2)]
    told = frame(row(0, 1), row(0, 1), row(0, 1), failed=1, expected=1, flow_data=moves, last_traces=[trace()])
    scene = scene_of(CHAIN, told, Mode.ORDERED)
    assert lit(scene) == {"c0", "s0", "d0", "c1", "s1", "d1", "c2", "s2"}
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


def test_requests_that_nobody_answered_are_a_card_and_a_stream_of_their_own():
    told = frame(row(0, 4), row(0, 4), row(0, 4), failed=4, last_traces=[trace()])
    told["requests"] |= {"causes": {"AllCoolingDown": 3, "ServiceUnavailableError": 1}}
    scene = scene_of(CHAIN, told, Mode.ORDERED)
    assert "is-exhausted" in scene.root.attributes["class"]
    (loss,) = scene.exits
    assert (plain(loss.share.text), loss.number.text, loss.causes.text) == ("100 %", "4", "3 × all cooling · 1 × 503")
    assert plain(scene.stats.success.text) == "0 %"
    assert widths(scene) == [0, 0, 0, WIDEST]
    assert "is-none" in scene_of(CHAIN, SEED, Mode.ORDERED).exits[0].exit.attributes["class"]


@pytest.mark.parametrize("kind", Hindrance)
def test_why_nobody_was_asked_has_a_word_of_its_own_by_both_its_names(kind):
    error = NoneFree("g", 1.0, [kind])
    assert SHORT[error.error_class] == SHORT[error.code]


def test_the_hub_is_red_from_half_of_the_last_requests_on():
    told = frame(row(90), row(0), row(0), failed=10, at_ms=10_000.0)
    for lost, expected in ((2, False), (3, True)):
        told["requests"] |= {"flow_s": 5.0, "flowing": 6, "flowing_failed": lost}
        scene = scene_of(CHAIN, told, Mode.ORDERED)
        assert ("is-exhausted" in scene.root.attributes["class"].split()) is expected


def test_refused_requests_are_not_answered_either_so_that_all_shares_are_100():
    told = frame(row(60), row(20), row(0), failed=10)
    told["requests"] |= {"refused": 8, "left": 2}
    scene = scene_of(CHAIN, told, Mode.ORDERED)
    assert [plain(card.share.text) for card in scene.cards] == ["60 %", "20 %", "0 %"]
    assert plain(scene.exits[0].share.text) == "20 %"
    assert scene.exits[0].causes.text == "8 refused, 2 left"


def test_what_fallback_groups_answered_is_no_ones_share():
    group = replace(CHAIN, has_elsewhere=True)
    scene = scene_of(group, frame(row(60), row(20), row(0), row(20)), Mode.ORDERED)
    assert [plain(card.share.text) for card in scene.cards] == ["60 %", "20 %", "0 %"]
    elsewhere, lost = scene.exits
    assert (elsewhere.number.text, plain(elsewhere.share.text), lost.number.text) == ("20", "20 %", "0")
    assert widths(scene) == [26.5, 9.0, 0.0, 9.0, 0.0]


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
        assert all(above.bottom + 3 < below.y for above, below in pairwise(sheet.ends))
        assert sheet.loss.bottom + 5 < sheet.height
        assert all(box.right < sheet.format.width for box in sheet.ends)
        assert len(sheet.drops) == (count - 1 if mode is Mode.ORDERED else 0)


def test_the_wide_picture_fits_a_screen_with_one_deployment_and_with_ten():
    heights = [
        sheets_of(drawn(spec_of(count, Strategy.PRIORITY_FAILOVER)), mode)[0].height
        for mode in Mode
        for count in WEIGHTS
    ]
    assert max(heights) <= 420


def test_deployments_of_one_priority_share_a_frame():
    group = drawn(spec_of(5, Strategy.PRIORITY_FAILOVER, (1, 1, 2, 2, 3)))
    for sheet in sheets_of(group, Mode.ORDERED):
        first, second = sheet.groups
        assert 0 < first.x < first.right < sheet.format.width
        assert first.y < sheet.cards[0].y < sheet.cards[1].bottom < first.bottom
        assert sheet.cards[1].bottom < second.bottom
        assert len(sheet.drops) == 2


@pytest.mark.parametrize(
    ("finished", "failed", "shown"),
    [(0, 0, "–"), (9, 0, "100 %"), (3000, 1, "99.9 %"), (9, 9, "0 %"), (3000, 2999, "<0.1 %"), (200, 1, "99.5 %")],
)
def test_a_success_rate_never_flatters(finished: int, failed: int, shown: str):
    assert plain(success(finished, failed)) == shown


def test_long_latencies_and_long_names_stay_short():
    assert [plain(milliseconds(v)) for v in (None, 149.4, 9999.4, 12345.0)] == ["–", "149 ms", "9,999 ms", "12.3 s"]
    assert [dollars(v) for v in (0.0, 0.00004, 0.0432, 12.5)] == ["$0", "<$0.001", "$0.043", "$12.50"]
    assert fitted("Nebius", 120, 16) == "Nebius"
    assert fitted("a-deployment-with-a-very-long-name", 120, 16).endswith("…")


@pytest.mark.parametrize("strategy", Strategy)
def test_a_picture_in_its_own_mode_has_the_name_that_the_group_has_elsewhere(strategy):
    scene = scene_of(drawn(spec_of(3, strategy)), None, mode_of(strategy))
    assert scene.badge == RoutingGroup(strategy=strategy.value).get_strategy_display()
