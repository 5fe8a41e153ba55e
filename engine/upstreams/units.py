"""What an answer costs besides tokens, in the unit of its endpoint. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.dialects.reading import parsed
from engine.upstreams.tokens import Usage

# One search ranks so many documents.
DOCUMENTS_OF_A_SEARCH = 100
UNITS = {"rerank": "search", "images/generations": "image", "audio/speech": "character"}
MOST_UNITS = 1_000_000


def most_units(endpoint: str, body: Mapping[str, Any]) -> tuple[float, str]:
    """The most that a request may come to, and the unit; none for what is charged by tokens alone."""
    if endpoint == "rerank":
        return float(-(-len(body.get("documents") or ()) // DOCUMENTS_OF_A_SEARCH)), "search"
    if endpoint == "images/generations":
        return float(body.get("n") or 1), "image"
    if endpoint == "audio/speech":
        return float(len(body.get("input") or "")), "character"
    return 0.0, ""


def with_units(usage: Usage, endpoint: str, asked: Mapping[str, Any], body: bytes) -> Usage:
    """The usage of an answer with its units: as the provider counts them, else as many as were asked for.

    An image whose tokens the provider counts is charged by these.
    """
    if endpoint not in UNITS or (endpoint == "images/generations" and not usage.is_estimated):
        return usage
    units, unit = most_units(endpoint, asked)
    if unit == "character":
        return usage._replace(units=units, unit=unit)
    fields = parsed(body) or {}
    found = _searches(fields) if unit == "search" else _rows(fields)
    return usage._replace(units=min(units if found is None else found, MOST_UNITS), unit=unit)


def _searches(fields: dict[str, Any]) -> float | None:
    meta = fields.get("meta")
    billed = meta.get("billed_units") if isinstance(meta, dict) else None
    count = billed.get("search_units") if isinstance(billed, dict) else None
    return float(count) if isinstance(count, int | float) and not isinstance(count, bool) and count >= 0 else None


def _rows(fields: dict[str, Any]) -> float | None:
    rows = fields.get("data")
    return float(len(rows)) if isinstance(rows, list) else None
