"""What aliases may be, and many of them as lines of text."""

from __future__ import annotations

import pytest

from groups.routing_rules.aliases import pairs_of, trouble_with


@pytest.mark.parametrize("line", ["a -> b", "a → b", "a=b", "a\tb", '"a" = "b",', "  a   =  b  "])
def test_people_paste_them_in_many_ways(line):
    assert pairs_of(line) == [("a", "b")]


def test_empty_lines_and_comments_say_nothing_and_a_line_without_a_sign_has_no_target():
    assert pairs_of("\n# of old\n  \nalone\n= b") == [("alone", ""), ("", "b")]


@pytest.mark.parametrize(
    ("alias", "target", "why"),
    [
        ("alone", "", "Give both"),
        ("", "target", "Give both"),
        ("with space", "prod", "letters, digits"),
        ("a", "a", "something else than itself"),
        ("x" * 129, "prod", "within 128"),
    ],
)
def test_an_alias_that_makes_no_sense_says_why(alias, target, why):
    assert why in trouble_with(alias, target)


def test_an_alias_that_makes_sense_says_nothing():
    assert trouble_with("fast-chat", "openai/gpt-4o-mini") == ""
