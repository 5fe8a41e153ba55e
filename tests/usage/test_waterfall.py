"""A request's attempts as bars over time."""

from __future__ import annotations

from typing import Any

import pytest

from usage.request_log.waterfall import Ghost, WaterfallBar, bars_of, moved_on, steps_of


def attempt(name: str, *, at_ms: float, ms: float | None, **more: Any) -> dict[str, Any]:
    names = {"deployment_name": name, "provider": name, "tier": 1, "status": "success", "first_token_ms": None}
    return {**names, "at_ms": at_ms, "duration_ms": ms, **more}


def test_bars_follow_each_other_and_stay_inside():
    three = [attempt("A", at_ms=0, ms=300), attempt("B", at_ms=300, ms=0.1), attempt("C", at_ms=500, ms=500)]
    bars = bars_of(three, began_ms=0, duration_ms=1000, provider_types={"A": "openai"})
    assert [(b.x, b.width) for b in bars] == [(0, 300), (300, 6), (500, 500)]
    assert [b.colour for b in bars] == ["openai", "default", "default"]
    assert bars_of([], began_ms=0, duration_ms=0) == ()


def test_a_bar_marks_where_its_first_token_came():
    (bar,) = bars_of([attempt("A", at_ms=5000, ms=800, first_token_ms=200.0)], began_ms=5000, duration_ms=1000)
    assert (bar.x, bar.token_x, bar.first_token_ms) == (0, 200, 200.0)


def test_recorded_requests_count_in_seconds_and_may_still_be_under_way():
    recorded = {**attempt("A", at_ms=0, ms=None, status="pending"), "started_at": 1700000000.25}
    del recorded["at_ms"]
    (bar,) = bars_of([recorded], began_ms=1700000000000, duration_ms=1000)
    assert (bar.x, bar.width, bar.has_succeeded) == (250, 6, False)


def test_a_bar_names_the_parameters_that_were_dropped():
    dropped, stored_before = attempt("A", at_ms=0, ms=1, dropped_params=["seed", "n"]), attempt("B", at_ms=1, ms=1)
    bars = bars_of([dropped, stored_before], began_ms=0, duration_ms=2)
    assert [bar.dropped_params for bar in bars] == [("seed", "n"), ()]


def test_a_bar_says_from_what_to_what_its_request_was_translated():
    spoken = ("chat", "messages", "litellm", "", None)
    attempts = [attempt("A", at_ms=0, ms=1, dialect=dialect) for dialect in spoken]
    bars = bars_of(attempts, began_ms=0, duration_ms=2, endpoint="messages")
    assert [bar.translation for bar in bars] == ["Messages → Chat", "", "Messages → LiteLLM", "", ""]
    assert bars_of(attempts[:1], began_ms=0, duration_ms=2, endpoint="embeddings")[0].translation == ""


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("retry_error", "It failed, so the router asked it again."),
        ("retry_own_key_refused", "The caller's own key was refused, so the router asked it again."),
        ("other_error", "It failed, so the router asked another one of this tier."),
        ("fallback_rate_limit", "It was rate limited, so the router went to the next tier or group."),
        ("fallback_timeout", "It timed out, so the router went to the next tier or group."),
        ("something else", "something else"),
        (None, ""),
    ],
)
def test_the_reason_for_each_move_is_a_sentence(word, sentence):
    assert moved_on(word) == sentence


def skip(name: str, depth: int) -> dict[str, Any]:
    names = {"deployment_name": name, "provider": name, "model_group": "g", "tier": depth + 1}
    return {**names, "reason": "own_key_refused", "message": "why", "fallback_depth": depth}


def test_who_was_skipped_stands_before_the_first_attempt_of_its_tier_or_a_later_one():
    depths = {"A": 0, "C": 2}
    moved = {"moved_on_because": "fallback_error"}
    attempts = [attempt(name, at_ms=0, ms=1, fallback_depth=depth, **moved) for name, depth in depths.items()]
    bars = bars_of(attempts, began_ms=0, duration_ms=2)
    steps = steps_of(bars, [skip("Z", 9), skip("B", 1), skip("C2", 2)])
    assert [step.name for step in steps] == ["A", "B", "C2", "C", "Z"]
    assert [step.is_ghost for step in steps] == [False, True, True, False, True]
    assert isinstance(first := steps[0], WaterfallBar)
    past = "past B (own key refused), C2 (own key refused)."
    assert first.moved_on == f"It failed, so the router went to the next tier or group, {past}"
    assert isinstance(ghost := steps[1], Ghost)
    assert (ghost.word, ghost.cause_call_id) == ("own key refused", "")
