"""Which tier answers: the order of tiers is total, and there is always one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.virtual import TierSpec, VirtualSpec, decide, pools_for

PAIR = VirtualSpec("auto-chat", (TierSpec("simple", None, "mini"), TierSpec("complex", 50, "standard")), "complex")


def asked(text: object) -> list[dict[str, object]]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("hi", "simple"),
        ("cat test.py", "simple"),
        ("Implement a distributed consensus algorithm", "complex"),
        ("Analyze the architecture of microservices", "complex"),
        ("x" * 49, "simple"),
        ("x" * 50, "complex"),
    ],
)
def test_a_score_of_the_minimum_or_more_is_of_the_tier(text, tier):
    assert decide(asked(text), PAIR).tier.name == tier


@pytest.mark.parametrize("messages", [[], asked(""), asked(None), asked([{"type": "image_url"}]), ["no mapping"]])
def test_without_any_text_the_default_tier_answers(messages):
    decision = decide(messages, PAIR)
    assert (decision.tier.name, decision.score) == ("complex", None)


def test_a_score_below_every_minimum_is_of_the_lowest_tier():
    spec = VirtualSpec("auto", (TierSpec("low", 0, "a"), TierSpec("high", 50, "b")), "high")
    assert spec.tier_for(-98).name == "low"


def test_the_default_is_asked_after_the_tier_that_was_decided_on():
    assert [tier.pool for tier in pools_for(decide(asked("hi"), PAIR), PAIR)] == ["mini", "standard"]
    assert [tier.pool for tier in pools_for(decide(asked("x" * 90), PAIR), PAIR)] == ["standard"]


@given(minimums=st.lists(st.integers(-300, 900), min_size=1, max_size=4, unique=True), scores=st.lists(st.integers()))
def test_a_higher_score_never_gets_a_lower_tier(minimums, scores):
    tiers = tuple(TierSpec(str(n), m, str(n)) for n, m in enumerate([None, *sorted(minimums)]))
    spec = VirtualSpec("auto", tiers, "0")
    chosen = [int(spec.tier_for(score).name) for score in sorted(scores)]
    assert chosen == sorted(chosen)
