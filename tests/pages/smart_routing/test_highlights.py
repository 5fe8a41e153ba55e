"""A scored text in pieces, and conversations as people paste them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.complexity import score_of
from groups.virtual.conversations import read
from pages.smart_routing.highlights import MOST_SHOWN, SCALE_WIDTH, pieces_of, scale_of

TALK = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello!"}]


def marked(text: str) -> list[tuple[str, int]]:
    score = score_of([{"role": "user", "content": text}])
    return [(piece.text, piece.part.points) for piece in pieces_of(score.text, score.parts) if piece.part]


def test_keywords_and_code_are_marked_where_they_stand():
    assert marked("cat test.py") == [("cat", -100), ("test", -100)]
    assert marked("Debug this: ```x = 1```") == [("Debug", 150), ("```", 100)]


@given(st.text(alphabet="hicatdebug ls`.\n中", min_size=1, max_size=200))
def test_the_pieces_together_are_the_text(text):
    score = score_of([{"role": "user", "content": text}])
    assert "".join(piece.text for piece in pieces_of(score.text, score.parts)) == text


def test_a_long_text_is_shown_in_part():
    assert sum(len(piece.text) for piece in pieces_of("x" * 2 * MOST_SHOWN, ())) == MOST_SHOWN


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=4, unique=True), st.integers(-3000, 3000))
def test_the_scale_holds_every_tier_and_the_score(thresholds, score):
    scale = scale_of(sorted(thresholds), ["tier"] * (len(thresholds) + 1), score)
    assert sum(zone.width for zone in scale.zones) == pytest.approx(SCALE_WIDTH, abs=0.1)
    assert scale.at is not None
    reached = sum(score >= threshold for threshold in thresholds)
    zone = scale.zones[reached]
    assert zone.x - 0.02 <= scale.at <= zone.x + zone.width + 0.02


@pytest.mark.parametrize("text", [json.dumps(TALK), json.dumps({"model": "x", "messages": TALK})])
def test_a_conversation_may_be_pasted_as_json(text):
    assert read(text).messages == tuple(TALK)
    assert read(text).note == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [('[{"role": "user"', "breaks off in line 1"), ("[1, 2]", "no messages with role"), ('{"a": 1}', "no messages")],
)
def test_what_only_looks_like_json_is_a_message_and_says_so(text, why):
    conversation = read(text)
    assert conversation.messages == ({"role": "user", "content": text},)
    assert why in conversation.note
