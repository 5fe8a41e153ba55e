"""What can be done to the list of deployments: tiers travel with their rows, numbers follow the order."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.groups.builder.deployment_rows import (
    MOST_ROWS,
    DeploymentRow,
    Rows,
    changed,
    in_order,
    is_with_above,
    with_weights,
)

IDS = {letter: str(UUID(int=number)) for number, letter in enumerate("ABCDEFGH", start=1)}
LETTERS = {uid: letter for letter, uid in IDS.items()}


def rows(text: str) -> Rows:
    """`A1 B2 C2`: rows with their priorities."""
    return tuple(DeploymentRow(IDS[word[0]], priority=word[1:]) for word in text.split())


def after(text: str, change: str) -> str:
    """The list after a step such as `up:B`."""
    verb, *letters = change.split(":")
    done = changed(rows(text), ":".join([verb, *(IDS.get(letter, letter) for letter in letters)]))
    return " ".join(LETTERS[row.uid] + row.priority for row in done)


@pytest.mark.parametrize(
    ("before", "change", "wanted"),
    [
        ("A1 B2", "up:B", "B1 A2"),
        ("A1 B2 C3", "down:A", "B1 A2 C3"),
        ("A1 B2", "up:A", "A1 B2"),
        ("A1 B2", "down:B", "A1 B2"),
        ("A1 B2 C2", "up:C", "A1 C2 B3"),
        ("A1 B2 C2 D3", "up:D", "A1 B2 D2 C2"),
        ("A1 B2 D2 C2", "up:D", "A1 D2 B3 C3"),
        ("D9 A1 B2 C2", "settle:D", "D1 A2 B3 C3"),
        ("A1 B2 D9 C2", "settle:D", "A1 B2 D2 C2"),
        ("A1 B2 C3", "onto:C:A", "A1 C1 B2"),
        ("A1 B2", "onto:A:A", "A1 B2"),
        ("A B C", "onto:C:A", "A1 C1 B2"),
        ("A1 B2 C2", "join:B", "A1 B1 C2"),
        ("A1 B1 C1", "part:B", "A1 C1 B2"),
        ("A1 B1 C2", "part:B", "A1 B2 C3"),
        ("A1 B2 C3", "remove:B", "A1 C2"),
        ("A1", "remove:A", ""),
        ("A1", "add:B", "A1 B2"),
        ("A1 B2", "add:B", "A1 B2"),
        ("A1 B2", "up:C", "A1 B2"),
        ("A1 B2", "refresh", "A1 B2"),
    ],
)
def test_a_step(before: str, change: str, wanted: str):
    assert after(before, change) == wanted


@pytest.mark.parametrize("change", ["explode:A", "", "add:not-a-uuid"])
def test_a_step_that_nobody_knows(change: str):
    with pytest.raises(KeyError):
        changed(rows("A1"), change)


@given(
    st.lists(st.tuples(st.sampled_from(["up", "down", "join", "part", "settle", "remove"]), st.sampled_from("ABCDE")))
)
def test_after_any_steps_numbers_are_1_2_3_and_no_row_is_lost(steps: list[tuple[str, str]]):
    now, left = rows("A1 B2 C2 D3 E4"), set("ABCDE")
    for verb, letter in steps:
        now = changed(now, f"{verb}:{IDS[letter]}")
        left -= {letter} if verb == "remove" else set()
        numbers = [int(row.priority) for row in now]
        assert sorted(set(numbers)) == [*range(1, len(set(numbers)) + 1)]
        assert numbers == sorted(numbers)
        assert {LETTERS[row.uid] for row in now} == left


def test_typed_priorities_order_the_list_where_they_count():
    typed = rows("A3 B1 C1")
    assert [LETTERS[r.uid] for r in in_order(typed, "priority-failover")] == ["B", "C", "A"]
    assert in_order(typed, "weighted") == typed
    assert [r.priority for r in in_order(rows("A B C"), "priority-failover")] == ["1", "2", "3"]
    assert in_order(rows("A2 Bx"), "priority-failover") == rows("A2 Bx")


def test_a_new_row_has_an_equal_share():
    heavy = tuple(replace(row, weight=weight) for row, weight in zip(rows("A1 B2"), ("83", "10"), strict=True))
    assert changed(heavy, f"add:{IDS['C']}")[-1].weight == "46"
    assert changed((), f"add:{IDS['C']}")[-1].weight == "50"
    assert [r.weight for r in with_weights(rows("A B"), "weighted")] == ["50", "50"]
    assert [r.weight for r in with_weights(rows("A B"), "least-busy")] == ["", ""]


def test_which_rows_share_a_tier():
    assert [is_with_above(rows("A1 B2 C2 D3"), at) for at in range(4)] == [False, False, True, False]
    assert not is_with_above(rows("A B"), 1)


def test_there_is_a_most_of_them():
    full = tuple(DeploymentRow(str(UUID(int=n))) for n in range(1, MOST_ROWS + 1))
    assert changed(full, f"add:{UUID(int=999)}") == full
