"""Fallbacks that lead back to where they started. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Graph = Mapping[str, Iterable[str]]


def find_cycle(graph: Graph, start: str) -> list[str] | None:
    """The way from a group back to itself, both ends included (`[a, b, a]`), or None. Shortest first."""
    came_from: dict[str, str] = {}
    queue = [start]
    for here in queue:
        for there in graph.get(here, ()):
            if there == start:
                return _way_back(came_from, start, here)
            if there not in came_from:
                came_from[there] = here
                queue.append(there)
    return None


def _way_back(came_from: Mapping[str, str], start: str, last: str) -> list[str]:
    way = [start]
    while last != start:
        way.append(last)
        last = came_from[last]
    return [start, *reversed(way)]
