"""Refuses JSON bodies that the database could not store."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import JSONParser

MAX_DEPTH = 32


class StrictJSONParser(JSONParser):
    """JSON without characters that PostgreSQL refuses (NUL, lone surrogates), infinities, or deep nesting."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        for field, value in data.items() if isinstance(data, dict) else [("non_field_errors", data)]:
            if reason := _unstorable(field) or _unstorable(value):
                raise ValidationError({_printable(field): [reason]})
        return data


def _printable(name: str) -> str:
    return name[:64].encode("ascii", "backslashreplace").decode().replace("\x00", "\\x00")


def _unstorable(value: Any, depth: int = 0) -> str | None:
    """Why a JSON value cannot be stored, or None."""
    if depth > MAX_DEPTH:
        return f"Nest no deeper than {MAX_DEPTH} levels."
    if isinstance(value, str):
        return _unstorable_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "This number is too large."
    if isinstance(value, dict):
        return next(filter(None, (_unstorable(part, depth + 1) for pair in value.items() for part in pair)), None)
    if isinstance(value, list):
        return next(filter(None, (_unstorable(part, depth + 1) for part in value)), None)
    return None


def _unstorable_text(text: str) -> str | None:
    if "\x00" in text:
        return "Null characters are not allowed."
    try:
        text.encode()
    except UnicodeEncodeError:
        return "Half of a surrogate pair is not a character."
    return None
