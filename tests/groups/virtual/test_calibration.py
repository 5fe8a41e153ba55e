"""Many prompts -> scores, shares and money."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from engine.complexity import ComplexityRules
from groups.virtual.calibration import (
    MOST_PROMPTS,
    Digest,
    PoolPrices,
    digest_from,
    digest_of,
    outcome_of,
    prompts_in,
    tokens_of,
)
from pages.smart_routing.histogram import HEIGHT, MOST_BARS, WIDTH, histogram_of

RULES = ComplexityRules()
SMALL = PoolPrices("simple", "mini", 1e-6, 2e-6)
LARGE = PoolPrices("complex", "standard", 1e-5, 2e-5)
digests = st.dictionaries(st.integers(-5000, 5000), st.integers(1, 50), min_size=1, max_size=80).map(
    lambda counts: Digest(tuple((score, count, count * 7) for score, count in sorted(counts.items())))
)


def said(text: str) -> list[str]:
    return [prompt[-1]["content"] for prompt in prompts_in(text)]


def test_a_prompt_is_a_line_of_text_or_of_json_in_any_usual_shape():
    lines = [
        "plain text",
        '"quoted"',
        '"Hi," she said, and left',
        json.dumps({"prompt": "a prompt"}),
        json.dumps({"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "a talk"}]}),
        json.dumps({"custom_id": "1", "body": {"messages": [{"role": "user", "content": "a batch"}]}}),
    ]
    wanted = ["plain text", "quoted", '"Hi," she said, and left', "a prompt", "a talk", "a batch"]
    assert said("\n\n".join(lines)) == wanted


def test_a_whole_file_may_be_one_json_list():
    assert said('["one",\n {"prompt": "two"}]') == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Give some prompts"),
        ('fine\n{"prompt": "cut o', "Line 2: this begins like JSON but is not valid"),
        ('{"name": "nothing to score"}', "Line 1: this JSON has no messages"),
        ("x\n" * (MOST_PROMPTS + 1), "calibrate with 10,000 at most"),
    ],
)
def test_what_can_not_be_read_is_named_by_its_line(text, why):
    with pytest.raises(ValidationError, match=why):
        prompts_in(text)


def test_scores_are_counted_with_their_tokens():
    digest = digest_of(prompts_in("hi\nhi\nImplement a distributed consensus algorithm"), RULES)
    assert digest.counts == ((-98, 2, 2), (193, 1, 10))
    assert digest_from(digest.written()) == digest


def test_prompts_without_text_of_a_user_are_counted_apart():
    digest = digest_of(prompts_in('hi\n{"messages": [{"role": "assistant", "content": "Yes?"}]}'), RULES)
    assert (digest.prompts, digest.unscored) == (1, 1)


@pytest.mark.parametrize("text", ["1:2", "a:b:c", "1:0:4", "1:1:-4", f"{10**400}:1:1", f"{'9' * 5000}:1:1"])
def test_scores_that_were_tampered_with_are_refused(text):
    with pytest.raises(ValidationError, match="The scores were lost"):
        digest_from(text)


def test_shares_and_costs_follow_the_threshold():
    digest = Digest(((-98, 75, 750), (193, 25, 2500)))
    outcome = outcome_of(digest, [50], [SMALL, LARGE], answer_tokens=100)
    assert [(s.count, s.percent) for s in outcome.shares] == [(75, 75), (25, 25)]
    small, large = (750 * 1e-6 + 7500 * 2e-6) * 10, (2500 * 1e-5 + 2500 * 2e-5) * 10
    assert outcome.cost_usd == pytest.approx(small + large)
    assert outcome.large_usd == pytest.approx((3250 * 1e-5 + 10_000 * 2e-5) * 10)
    assert outcome.saved_percent == 61
    assert outcome_of(digest, [-1000], [SMALL, LARGE], 100).saved_percent == 0


def test_without_a_price_there_is_no_cost_unless_nobody_goes_there():
    unpriced = PoolPrices("simple", "mini", None, None)
    digest = Digest(((0, 1, 10), (100, 1, 10)))
    assert outcome_of(digest, [50], [unpriced, LARGE], 100).cost_usd is None
    assert outcome_of(digest, [-10], [unpriced, LARGE], 100).cost_usd is not None


def test_a_token_is_four_characters_and_pictures_count_nothing():
    assert tokens_of([{"role": "user", "content": "x" * 40}]) == 10
    assert tokens_of([{"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "x" * 8}]}]) == 2


@given(digests, st.integers(-6000, 6000))
def test_every_prompt_is_in_one_share_and_in_one_bar(digest, threshold):
    outcome, picture = outcome_of(digest, [threshold], [SMALL, LARGE], 10), histogram_of(digest, [threshold])
    assert sum(share.count for share in outcome.shares) == digest.prompts
    assert sum(bar.count for bar in picture.bars) == digest.prompts
    assert len(picture.bars) <= MOST_BARS
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH and 0 <= bar.y < HEIGHT for bar in picture.bars)


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text):
    with suppress(ValidationError):
        assert digest_of(prompts_in(text), RULES).counts
