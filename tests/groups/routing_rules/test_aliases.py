"""Aliases as lines of text."""

from __future__ import annotations

import pytest

from groups.routing_rules.aliases import lines_of, parsed


def test_lines_become_aliases_and_come_back_as_lines():
    text = "fast-chat = openai/gpt-4o-mini\nbest = prod-chat"
    aliases, problems = parsed(text)
    assert (aliases, problems) == ({"fast-chat": "openai/gpt-4o-mini", "best": "prod-chat"}, [])
    assert lines_of(aliases) == text


@pytest.mark.parametrize("line", ["a -> b", "a → b", "a=b", "a\tb", '"a" = "b",', "  a   =  b  "])
def test_people_paste_them_in_many_ways(line):
    assert parsed(line) == ({"a": "b"}, [])


def test_empty_lines_and_comments_say_nothing():
    assert parsed("\n# of old\n  \n") == ({}, [])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("alone", "Write alias = target"),
        ("= target", "Write alias = target"),
        ("with space = prod", "letters, digits"),
        ("a = a", "something else than itself"),
        (f"{'x' * 129} = prod", "within 128"),
    ],
)
def test_a_line_that_makes_no_sense_says_why(line, why):
    aliases, (problem,) = parsed(f"good = prod\n{line}")
    assert (aliases, problem.number) == ({"good": "prod"}, 2)
    assert why in problem.why


def test_the_second_line_of_an_alias_is_the_wrong_one():
    aliases, (problem,) = parsed("a = b\na = c")
    assert (aliases, problem.number, problem.why) == ({"a": "b"}, 2, "This alias is on another line already.")
