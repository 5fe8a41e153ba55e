"""What is charged besides tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.upstreams.tokens import Usage
from engine.upstreams.units import most_units, with_units
from tests.engine.scripted import deployment

GUESSED = Usage(5, 0, 5, is_estimated=True)
MANY = {"documents": ["x"] * 250}


def told(count: Any) -> bytes:
    return json.dumps({"results": [{}], "meta": {"billed_units": {"search_units": count}}}).encode()


@pytest.mark.parametrize(
    ("body", "units"),
    [(told(3), 3), (told(0), 0), (told(None), 3), (told("many"), 3), (told(-1), 3), (told(True), 3), (b"[]", 3)],
)
def test_searches_are_those_that_the_provider_counts_else_one_for_a_hundred_documents(body: bytes, units: float):
    counted = with_units(GUESSED, "rerank", MANY, body)
    assert (counted.units, counted.unit) == (units, "search")


def test_chats_have_no_units():
    assert with_units(GUESSED, "chat/completions", {}, b"{}") is GUESSED
    assert most_units("chat/completions", {}) == (0.0, "")


def test_a_cost_has_tokens_and_units_of_the_same_kind_only():
    priced = deployment("a", input_cost_per_token_usd=0.5, output_cost_per_token_usd=1.0)
    by_search = deployment("b", unit="search", cost_per_unit_usd=2.0)
    both = deployment(
        "c", input_cost_per_token_usd=0.5, output_cost_per_token_usd=1.0, unit="image", cost_per_unit_usd=3.0
    )
    searched = GUESSED._replace(units=2.0, unit="search")
    assert searched.cost_usd(priced) == 2.5
    assert searched.cost_usd(by_search) == 4.0
    assert searched.cost_usd(both) == 2.5
    assert GUESSED._replace(units=1.0, unit="image").cost_usd(both) == 5.5
    assert GUESSED.cost_usd(by_search) is None
