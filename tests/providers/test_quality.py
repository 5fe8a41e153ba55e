"""The guess at a model's quality."""

from __future__ import annotations

from decimal import Decimal

import pytest

from providers.catalog.quality import guessed


@pytest.mark.parametrize(
    ("output_usd", "score"),
    [("0.000001", 5), ("0.1", 30), ("0.6", 46), ("1", 50), ("10", 70), ("25", 78), ("75", 88), ("1000000", 95)],
)
def test_it_rises_with_the_price(output_usd, score):
    assert guessed(Decimal(output_usd)) == score


@pytest.mark.parametrize("output_usd", [None, Decimal(0)])
def test_without_a_price_there_is_no_guess(output_usd):
    assert guessed(output_usd) is None
