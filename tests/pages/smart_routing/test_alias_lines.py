"""The chain and the aliases as the page works on them."""

from __future__ import annotations

import pytest

from pages.smart_routing.rule_editor import alias_rows
from pages.smart_routing.steps import changed_aliases, changed_chain
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


def test_a_row_is_taken_out_by_its_number_and_new_ones_come_last():
    pairs = [("a", "b"), ("c", "d")]
    assert changed_aliases(pairs, "remove:1", [("e", "f")]) == [("c", "d"), ("e", "f")]
    assert changed_aliases(pairs, "remove:9", []) == changed_aliases(pairs, "", []) == pairs


@pytest.mark.django_db
def test_each_row_says_where_it_leads_or_what_is_wrong():
    make_group(name="prod")
    pairs = [("fast", "prod"), ("", ""), ("nonsense", ""), ("lost", "openai/none"), ("slow", "none"), ("fast", "prod")]
    rows = alias_rows(pairs)
    assert [(row.number, row.leads_to, row.is_wrong) for row in rows] == [
        (1, "prod", False),
        (3, "", True),
        (4, "", False),
        (5, "", True),
        (6, "prod", True),
    ]
    assert rows[2].why == "There is no model in the catalog called 'openai/none'."
    assert rows[4].why == "This alias is in another row already."
