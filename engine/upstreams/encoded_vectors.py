"""The encoding of embeddings behind LiteLLM, which at some providers turns a wish for base64 (the default of OpenAI's
client) into embeddings of another kind: so numbers are asked for, and written in base64 here. Pure."""

from __future__ import annotations

import base64
import struct
from typing import Any

ENCODING = "encoding_format"
NUMBERS, BASE64 = "float", "base64"


def as_numbers(asked: dict[str, Any]) -> dict[str, Any]:
    """The request for embeddings, for numbers where it is for base64."""
    return {**asked, ENCODING: NUMBERS} if asked.get(ENCODING) == BASE64 else asked


def without_encoding(asked: dict[str, Any]) -> dict[str, Any]:
    """The request without a wish that is fulfilled here."""
    return {name: value for name, value in asked.items() if name != ENCODING or value not in (NUMBERS, BASE64)}


def as_asked(answer: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """The answer in the encoding that its request names: OpenAI's base64 is of little-endian 32-bit floats."""
    rows = answer.get("data")
    if asked.get(ENCODING) != BASE64 or not isinstance(rows, list):
        return answer
    return {**answer, "data": [_encoded(row) for row in rows]}


def _encoded(row: Any) -> Any:
    numbers = row.get("embedding") if isinstance(row, dict) else None
    if not isinstance(numbers, list):
        return row
    try:
        packed = struct.pack(f"<{len(numbers)}f", *numbers)
    except (struct.error, OverflowError):
        return row  # a client reads a list, too
    return {**row, "embedding": base64.b64encode(packed).decode()}
