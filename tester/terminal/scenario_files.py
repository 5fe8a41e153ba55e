"""A scenario of somebody's own in a file: JSON, or YAML. Text in, plain data out."""

from __future__ import annotations

import io
from typing import Any

from django.core.exceptions import ValidationError as ModelError
from rest_framework.exceptions import ParseError, ValidationError

from engine.exceptions import BadInput
from interchange.litellm_config import document
from lib.parsers import StrictJSONParser

FIELD = "scenario file"
EXPECTED = "This is no scenario: give an object with faults, and if you like name, description and needs."
MAX_BYTES = 1024 * 1024


def scenario_in(text: str) -> dict[str, Any]:
    """The scenario that a file's text describes, not yet checked; raises BadInput that says where it is wrong."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise BadInput(FIELD, "This is larger than 1 MB.")
    text = text.removeprefix("\ufeff")
    return _json(text) if text.lstrip().startswith(("{", "[")) else _yaml(text)


def _json(text: str) -> dict[str, Any]:
    try:
        data = StrictJSONParser().parse(io.BytesIO(text.encode(errors="replace")))
    except ParseError as error:
        reason = str(error.detail).removeprefix("JSON parse error - ")
        raise BadInput(FIELD, f"This is not valid JSON: {reason}") from None
    except ValidationError:
        raise BadInput(FIELD, "It holds a text or a number that can't be stored.") from None
    if not isinstance(data, dict):
        raise BadInput(FIELD, EXPECTED)
    return data


def _yaml(text: str) -> dict[str, Any]:
    try:
        return document.load(text, expected=EXPECTED)
    except ModelError as error:
        raise BadInput(FIELD, " ".join(error.messages)) from None
