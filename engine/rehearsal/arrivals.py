"""When requests come and how large they are, and how to read that from a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from engine.exceptions import BadInput

MOST_TOKENS = 10_000_000
COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
# A column that a trace may have beside them.
CONVERSATION = "Conversation"


class Arrival(NamedTuple):
    """One request: its time in seconds of the run, its tokens (context, and to generate), the name of its conversation,
    whether its answer is streamed (None: as the workload says), and its tier of the virtual model that it calls, where
    that was recorded."""

    at_s: float
    input_tokens: int
    output_tokens: int
    conversation: str = ""
    is_stream: bool | None = None
    tier: str = ""


def read_csv(lines: Iterable[str]) -> Iterator[Arrival]:
    """Arrivals from a CSV file with a header: TIMESTAMP, ContextTokens, GeneratedTokens, and any others, of which
    Conversation names requests that belong together.

    Sorted by time, relative to the first. Raises BadInput("trace") with the number of the wrong line.
    """
    rows = csv.reader(lines)
    try:
        columns, named_at = _columns(next(rows, []))
        found = [_row(row, columns, named_at, f"line {rows.line_num}") for row in rows if row]
    except csv.Error as error:
        raise BadInput("trace", f"line {rows.line_num}: {error}.") from None
    if not found:
        raise BadInput("trace", "The file has no requests.")
    found.sort(key=lambda row: row[0])
    first = found[0][0]
    return (Arrival((at - first).total_seconds(), read, written, name) for at, read, written, name in found)


def _columns(header: list[str]) -> tuple[tuple[int, ...], int | None]:
    names = [name.strip().lstrip("\ufeff") for name in header]
    if missing := [name for name in COLUMNS if name not in names]:
        raise BadInput("trace", f"line 1: the header must name {', '.join(COLUMNS)}; {missing[0]} is missing.")
    named_at = names.index(CONVERSATION) if CONVERSATION in names else None
    return tuple(names.index(name) for name in COLUMNS), named_at


def _row(row: list[str], columns: tuple[int, ...], named_at: int | None, line: str) -> tuple[datetime, int, int, str]:
    if len(row) <= max(columns):
        raise BadInput("trace", f"{line}: it has fewer columns than the header.")
    timestamp, *tokens = (row[column].strip() for column in columns)
    try:
        at = datetime.fromisoformat(timestamp)
    except ValueError:
        raise BadInput("trace", f"{line}: TIMESTAMP must look like 2023-11-16 18:17:03.97996.") from None
    context, generated = (_count(text, name, line) for text, name in zip(tokens, COLUMNS[1:], strict=True))
    name = row[named_at].strip() if named_at is not None and named_at < len(row) else ""
    return at if at.tzinfo else at.replace(tzinfo=UTC), context, generated, name


def _count(text: str, column: str, line: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > MOST_TOKENS:
        raise BadInput("trace", f"{line}: {column} must be a whole number from 0 to {MOST_TOKENS:,}.")
    return int(text)
