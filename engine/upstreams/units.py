"""What an answer costs besides tokens, in the unit of its endpoint. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.dialects.reading import parsed
from engine.dialects.shapes import object_of
from engine.upstreams.tokens import Usage

# One search ranks so many documents.
DOCUMENTS_OF_A_SEARCH = 100
UNITS = {"rerank": "search", "images/generations": "image", "audio/speech": "character"}
MOST_UNITS = 1_000_000
SUBTITLE_ENDS = re.compile(rb"--> *(?:(\d{1,4}):)?(\d\d):(\d\d)[.,](\d{3})")


def spoken(body: bytes, about_s: float) -> Usage:
    """The usage of a transcript whose tokens nobody counted: its seconds, as the provider says or shows, else about so
    many."""
    fields = parsed(body) if body.lstrip()[:1] == b"{" else None
    told = spoken_in(fields) if fields else None
    return told or of_seconds(_last_moment(body) or about_s, is_estimated=True)


def spoken_in(fields: Mapping[str, Any]) -> Usage | None:
    """The seconds that a provider says it has heard: in `usage`, or as `duration`."""
    told = (object_of(fields.get("usage")).get("seconds"), fields.get("duration"))
    found = next((seconds for value in told if (seconds := _amount(value)) is not None), None)
    return None if found is None else of_seconds(found)


def of_seconds(seconds: float, *, is_estimated: bool = False) -> Usage:
    """The usage of sound of this length."""
    return Usage(0, 0, 0, is_estimated=is_estimated, units=min(round(seconds, 3), MOST_UNITS), unit="second")


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


def _amount(value: object) -> float | None:
    """A number of units, also as text; None for what nobody can mean."""
    try:
        amount = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1.0
    except (ValueError, OverflowError):
        return None
    return amount if 0 <= amount <= MOST_UNITS else None


def _last_moment(body: bytes) -> float:
    """When the last subtitle ends; 0 without one."""
    found = SUBTITLE_ENDS.findall(body)
    hours, minutes, seconds, thousandths = (int(part or 0) for part in found[-1]) if found else (0, 0, 0, 0)
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def _searches(fields: dict[str, Any]) -> float | None:
    return _amount(object_of(object_of(fields.get("meta")).get("billed_units")).get("search_units"))


def _rows(fields: dict[str, Any]) -> float | None:
    rows = fields.get("data")
    return float(len(rows)) if isinstance(rows, list) else None
