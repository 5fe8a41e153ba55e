"""News between processes as JSON. Pure; all times are durations in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json, to_json

from engine.core.failures import Failure, Kind
from engine.core.said import Said
from engine.upstreams import failures

# By deployment: answers of streams to the first token and the seconds they took in all; the same of whole answers, per
# token of output.
Paces = Mapping[str, tuple[int, float, int, float]]


@dataclass(frozen=True, slots=True)
class Reported:
    """The error behind a failure in another process, as far as people see it."""

    error_class: str
    message: str


@dataclass(frozen=True, slots=True)
class News:
    """What one process tells.

    `busy` (in flight, by deployment) and `running` (those that a recovery lets in, by breaker) are whole: a name that
    is absent has 0; None says nothing. `breakers` are those that have changed. `wants` asks the others for what they
    have not used of their leases of a deployment's limits, `is_new` for all that they know. `strikes` are those since
    the last news (see `strikes.py`).
    """

    process: str
    busy: Mapping[str, int] | None = None
    running: Mapping[str, int] | None = None
    paces: Paces = field(default_factory=dict)
    breakers: Mapping[str, Said] = field(default_factory=dict)
    wants: str = ""
    is_new: bool = False
    strikes: Mapping[str, int] = field(default_factory=dict)


def packed(news: News) -> bytes:
    """News for the channel; what says nothing is left out."""
    body = {
        "busy": news.busy,
        "running": news.running,
        "paces": news.paces or None,
        "breakers": {name: _row(said) for name, said in news.breakers.items()} or None,
        "wants": news.wants or None,
        "new": news.is_new or None,
        "strikes": news.strikes or None,
    }
    return to_json({"from": news.process} | {name: value for name, value in body.items() if value is not None})


def unpacked(data: bytes) -> News:
    """News from the channel; ValueError for what is none."""
    try:
        body = from_json(data)
        return News(
            body["from"],
            body.get("busy"),
            body.get("running"),
            body.get("paces", {}),
            {name: _said(row) for name, row in body.get("breakers", {}).items()},
            body.get("wants", ""),
            body.get("new", False),
            {str(who): int(times) for who, times in body.get("strikes", {}).items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("no news") from error


def packed_breaker(said: Said, kept_ms: int) -> bytes:
    """A breaker for a key that lives for `kept_ms`."""
    return to_json({"kept_ms": kept_ms, "breaker": _row(said)})


def unpacked_breaker(data: bytes, left_ms: int) -> Said:
    """A breaker of a key that lives for another `left_ms`; ValueError for what is none."""
    try:
        body = from_json(data)
        return _said(body["breaker"]).later((body["kept_ms"] - left_ms) / 1000)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("no breaker") from error


def _row(said: Said) -> dict[str, Any]:
    row = {name: getattr(said, name) for name in Said.__slots__ if name != "last"}
    if said.last is not None:
        error = said.last.cause
        row["last"] = [said.last.kind, said.last.word, *described(error)]
    return row


def _said(row: Mapping[str, Any]) -> Said:
    fields = {name: row[name] for name in Said.__slots__ if name != "last"}
    if (last := row.get("last")) is None:
        return Said(**fields)
    kind, word, error_class, message = last
    return Said(**fields, last=Failure(Kind(kind), None, word, Reported(error_class, message)))


def described(error: object) -> tuple[str, str]:
    """The class and the message of the error behind a failure, here or in another process; empty when unknown."""
    if isinstance(error, Reported):
        return error.error_class, error.message
    if isinstance(error, Exception):
        return failures.class_of(error), failures.message_of(error)
    return "", ""
