"""Formats of money on pages."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pages.templatetags.prices import count, signed_percent, usd


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal("2.500000"), "$2.50"),
        (Decimal("0.075"), "$0.075"),
        (Decimal("0"), "$0.00"),
        (1234.567, "$1,234.57"),
        (0.000028, "$0.000028"),
        (0.00000001, "$0"),
    ],
)
def test_dollars(amount, text):
    assert usd(amount) == text


def test_percent_has_a_sign_and_numbers_have_commas():
    assert [signed_percent(n) for n in (12, -5, 0, 1200)] == ["+12%", "−5%", "0%", "+1,200%"]
    assert count(12456) == "12,456"
