"""Formats of numbers, money and times on pages."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.template import Context, Template
from django.utils import timezone

from pages.discs import Disc
from pages.formats import cost, count, moved, ms, short, signed_percent, stood, tokens, usd

# A thin space at which lines break, as itself or written out.
BREAKABLE = re.compile(r"\u2009|\\u2009|&thinsp;|&#8201;")


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
    assert [signed_percent(n) for n in (12, -5, 0, 1200)] == ["+12\u202f%", "−5\u202f%", "0\u202f%", "+1,200\u202f%"]
    assert count(12456) == "12,456"


@pytest.mark.parametrize(
    ("number", "text"), [(9876, "9,876"), (12_345, "12.3 k"), (999_999, "1 M"), (1_240_000, "1.2 M"), (4e9, "4 B")]
)
def test_large_numbers_are_short(number, text):
    assert short(number) == text


@pytest.mark.parametrize(
    ("amount", "text"), [(None, "$0"), (0, "$0"), (0.00123, "$0.0012"), (0.42, "$0.42"), (1234.5, "$1,234.50")]
)
def test_costs_keep_two_digits_of_what_is_less_than_a_cent(amount, text):
    assert cost(amount) == text


def test_durations_and_contexts_say_about_how_much_it_is():
    assert [ms(n) for n in (0.2, 4.4, 149, 2310)] == ["< 1 ms", "4 ms", "149 ms", "2.31 s"]
    assert [tokens(n) for n in (512, 131_072, 1_000_000, 1_500_000)] == ["512", "131k", "1M", "1.5M"]


def test_amounts_of_the_ledger_have_a_sign_and_balances_have_none():
    assert [moved(5_000_000_000), moved(-12_300_000), stood(7_250_000_000)] == ["+$5.00", "−$0.0123", "$7.25"]


def test_every_format_is_a_filter_of_templates():
    shown = Template("{% load formats %}{{ n|count }} {{ n|short }} {{ share|percent }} {{ moment|ago }}")
    context = {"n": 12_456, "share": 0.5, "moment": timezone.now()}
    assert shown.render(Context(context)) == "12,456 12.5 k 50.0\u202f% just now"


def test_no_line_breaks_between_a_number_and_its_unit():
    assert Template('{% load formats %}{{ 43|unit:"%" }}').render(Context()) == "43\u202f%"
    root = Path(__file__).parents[2]
    folders = ("engine", "gateway", "groups", "lib", "pages", "static/js", "templates", "tester", "usage")
    files = [
        file for folder in folders for file in (root / folder).rglob("*") if file.suffix in {".html", ".js", ".py"}
    ]
    assert len(files) > 100
    assert [str(file) for file in files if BREAKABLE.search(file.read_text())] == []


def test_what_is_drawn_once_for_a_long_table_is_what_an_include_draws():
    disc = Disc("Nebius", "N", "nebius")
    for text, include in (
        ('{{ "copy"|icon }}', '{% include "_components/icon.html" with name="copy" %}'),
        ("{{ disc|drawn }}", '{% include "_components/disc.html" %}'),
    ):
        both = Template("{% load formats %}" + text + "|" + include).render(Context({"disc": disc}))
        first, _, second = both.partition("|")
        assert (first, "<svg" in first) == (second, True)
