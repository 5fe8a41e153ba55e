"""Fallbacks that lead back to where they started."""

from __future__ import annotations

import pytest

from groups.config_checks import find_cycle


@pytest.mark.parametrize(
    ("graph", "cycle"),
    [
        ({"a": []}, None),
        ({}, None),
        ({"a": ["b"], "b": ["c"], "c": []}, None),
        ({"a": ["a"]}, ["a", "a"]),
        ({"a": ["b"], "b": ["a"]}, ["a", "b", "a"]),
        ({"a": ["b", "c"], "b": ["d"], "d": ["b"], "c": ["a"]}, ["a", "c", "a"]),
        ({"a": ["b"], "b": ["c"], "c": ["d", "a"], "d": ["a"]}, ["a", "b", "c", "a"]),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["e"]}, None),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, None),
    ],
)
def test_the_shortest_way_back_is_named(graph, cycle):
    assert find_cycle(graph, "a") == cycle


def test_a_long_chain_is_no_trouble():
    graph = {str(n): [str(n + 1)] for n in range(5000)}
    assert find_cycle(graph, "0") is None
    assert len(find_cycle({**graph, "5000": ["0"]}, "0") or []) == 5002
