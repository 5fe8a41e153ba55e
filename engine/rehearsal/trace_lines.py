"""Traces as lines of JSON: nobody has to read them between a rehearsal's process and where they are stored.

Of a request that the first deployment it asked has answered, only numbers differ from one line to the next: the parts
around them are written once for each deployment.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

# Where a number goes: no name has this in it.
HOLE = "\x00"
WRITTEN_HOLE = to_json(HOLE).decode()


def parts_of(row: dict[str, Any]) -> tuple[str, ...]:
    """What is around the numbers in the lines of traces like this one, which has one attempt.

    Between the ten parts are: index, moment, length, tokens read and written, price; moment, length and first token of
    the attempt.
    """
    attempt = row["attempts"][0] | dict.fromkeys(("at_ms", "duration_ms", "first_token_ms"), HOLE)
    holes = ("index", "at_ms", "duration_ms", "input_tokens", "output_tokens", "cost_usd")
    line = to_json(row | dict.fromkeys(holes, HOLE) | {"attempts": [attempt]}).decode()
    return tuple(line.split(WRITTEN_HOLE))


class TraceLines:
    """The traces of one message, in the order in which their requests ended, and what is in them."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._indexes: list[int] = []
        self._ends_ms: list[float] = []
        self._failed = self._fell_back = 0
        self._tried: dict[str, bool] = {}

    def add(self, row: dict[str, Any]) -> None:
        """Any trace."""
        self._lines.append(to_json(row).decode())
        self._indexes.append(row["index"])
        self._ends_ms.append(row["at_ms"] + row["duration_ms"])
        self._failed += row["status"] != "success"
        self._fell_back += row["fallback_depth"] > 0
        for attempt in row["attempts"]:
            self._tried[attempt["deployment_id"]] = True

    def add_answered(self, line: str, end_ms: float, index: int, deployment_id: str) -> None:
        """The trace of a request that the first deployment it asked has answered."""
        self._lines.append(line)
        self._indexes.append(index)
        self._ends_ms.append(end_ms)
        self._tried[deployment_id] = True

    def message(self, first: int) -> dict[str, Any]:
        """`{"type": "traces", "first", "count", "lines", "contents"}`: `first` is the number of the first of them.

        `contents` describes them: the lowest and highest index, when the first and the last ended, how many failed or
        fell back, and the deployments that were tried (ids as keys).
        """
        contents = {
            "low_index": min(self._indexes),
            "high_index": max(self._indexes),
            "first_ended_ms": round(min(self._ends_ms), 3),
            "last_ended_ms": round(max(self._ends_ms), 3),
            "failed": self._failed,
            "fell_back": self._fell_back,
            "tried": self._tried,
        }
        lines = "\n".join(self._lines) + "\n"
        return {"type": "traces", "first": first, "count": len(self._lines), "lines": lines, "contents": contents}
