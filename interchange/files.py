"""A file's text in either format -> bundle, and back."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from django.db.models import TextChoices
from rest_framework.exceptions import ParseError, ValidationError

from groups.models import RoutingGroup
from interchange import own_json, rows
from interchange.bundle import Bundle
from interchange.litellm_config import export, reader
from interchange.places import wrong
from interchange.sealing import sealed
from lib.parsers import StrictJSONParser

MAX_BYTES = 1024 * 1024


class FileFormat(TextChoices):
    """The format of a file of groups."""

    JSON = "json", "Routing Console JSON"
    LITELLM = "litellm", "LiteLLM config.yaml"


def exported(groups: Iterable[RoutingGroup], file_format: str) -> str:
    """The groups (loaded `with_credentials`) as a file. LiteLLM's format holds only the active ones."""
    if file_format == FileFormat.JSON:
        return own_json.written(rows.bundle_of(groups))
    kept, left_out = rows.servable(groups)
    return export.written(rows.bundle_of(kept), left_out=left_out)


def checked(text: str) -> str:
    """The text with its keys sealed; raises ValidationError for `content` if it is empty or too large."""
    if not text.strip():
        raise wrong("", "There is nothing in it: paste a file, or choose one.")
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise wrong("", "This is larger than 1 MB; import it in parts.")
    return sealed(text)


def bundle_from(text: str, file_format: str = "") -> tuple[Bundle, FileFormat]:
    """The content of a `checked` text, and its format: the given one, else the detected one."""
    if file_format != FileFormat.LITELLM:
        data = _json(text, is_certain=file_format == FileFormat.JSON)
        if data is not None:
            return own_json.bundle_from(data), FileFormat.JSON
    return reader.bundle_from(text), FileFormat.LITELLM


def _json(text: str, *, is_certain: bool) -> Any:
    """The JSON of our own format; None for anything else; raises for broken JSON."""
    if not is_certain and not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return None
    try:
        data = StrictJSONParser().parse(io.BytesIO(text.lstrip("\ufeff").encode(errors="replace")))
    except (ParseError, ValidationError) as error:
        if not is_certain:
            return None
        raise wrong("", f"This is not valid JSON: {_reason(error)}") from None
    return data if is_certain or "routing_groups" in data else None


def _reason(error: ParseError | ValidationError) -> str:
    detail: Any = error.detail
    if isinstance(detail, dict):
        return "; ".join(f"{field}: {' '.join(map(str, why))}" for field, why in detail.items())
    return str(detail).removeprefix("JSON parse error - ")
