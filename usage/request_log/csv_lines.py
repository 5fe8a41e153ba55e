"""Rows as CSV that a spreadsheet opens safely. Pure.

A cell that begins like a formula gets an apostrophe in front: names are typed by callers, and `=HYPERLINK(…)` must stay
a name. Excel and LibreOffice then show the text, apostrophe and all, and compute nothing. Numbers stay numbers, so
that a negative one is still one. UTF-8 with a byte order mark, without which Excel takes it for the local code page;
LibreOffice and Python's `utf-8-sig` understand it. Line ends are CRLF (RFC 4180).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Tab, CR and LF: some spreadsheets skip them and take what follows. The wide forms are those of Asian keyboards.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """The rows, one a line, without a byte order mark."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def safe(cell: object) -> object:
    """What the cell is written as: None is empty, True is `yes`, moments are ISO 8601 in UTC without an offset."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    if isinstance(cell, float):
        return f"{cell:.9f}".rstrip("0").rstrip(".")
    if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA_STARTS):
        return "'" + cell
    return cell
