"""The chain and the alias box as the page works on them."""

from __future__ import annotations

import pytest

from pages.smart_routing.rule_editor import alias_lines
from pages.smart_routing.steps import changed_chain
from tests.factories import make_group


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ("up:b", ["b", "a", "c"]),
        ("down:b", ["a", "c", "b"]),
        ("up:a", ["a", "b", "c"]),
        ("down:c", ["a", "b", "c"]),
        ("remove:b", ["a", "c"]),
        ("remove:unknown", ["a", "b", "c"]),
        ("", ["a", "b", "c"]),
    ],
)
def test_a_step_moves_one_entry(change, wanted):
    assert changed_chain(["a", "b", "c", "", "a"], change) == wanted


@pytest.mark.django_db
def test_each_line_says_where_it_leads_or_what_is_wrong():
    make_group(name="prod")
    lines = alias_lines("# ours\nfast = prod\n\nnonsense\nlost = openai/none\nslow = none")
    assert [(line.number, line.leads_to, line.is_wrong) for line in lines] == [
        (2, "prod", False),
        (4, "", True),
        (5, "", False),
        (6, "", True),
    ]
    assert lines[2].why == "There is no model in the catalog called 'openai/none'."
