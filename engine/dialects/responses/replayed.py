"""Items of earlier answers that a Responses request has again, with the ids that they got. Pure.

All callers share the account in which a provider keeps items. So an id goes there only where it is known whose it is:
any other gets one that names nothing, in the same shape, because strict servers want one. An item is whole without its
id, but for reasoning that is not encrypted: of that the id is all there is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from operator import is_
from typing import Any

from engine.dialects.call_ids import OF_ITEMS, shortened, with_ids
from engine.dialects.responses.kept import CONTAINER, PREVIOUS, REFERENCE, is_id
from engine.dialects.responses.reasoning import DROPPED
from engine.dialects.shapes import objects

# Fields with an id: the item's own, that of another item, and that of the container in which its code ran.
APPROVES = "approval_request_id"
NAMES = ("id", APPROVES, CONTAINER)
LENGTH = 48


def thoughts_by_id(body: dict[str, Any]) -> list[str]:
    """The ids of reasoning that a request has by its id alone."""
    return [item["id"] for item in objects(body.get("input")) if _is_by_id(item) and is_id(item.get("id"))]


def ids_to_look_up(body: dict[str, Any]) -> set[str]:
    """All ids in a request with an item that is not whole without its own; none where all are whole."""
    items = [item for item in objects(body.get("input")) if item.get("type") != REFERENCE]
    if not any(_is_by_id(item) or item.get(CONTAINER) for item in items):
        return set()
    return {id for item in items for name in NAMES if is_id(id := item.get(name))}


def without_foreign_ids(body: dict[str, Any], is_held: Callable[[str], bool]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The request with the ids that `is_held` says are the caller's at the upstream, and the names of what is lost."""
    items = objects(body.get("input"))
    if not any(name in item for item in items for name in NAMES):
        return body, ()
    names = tuple(name for name in NAMES if name != APPROVES) if body.get(PREVIOUS) else NAMES
    left = [item for item in items if not _is_lost(item, is_held)]
    kept = [_masked(item, names, is_held) for item in left]
    lost = () if len(left) == len(items) else (DROPPED,)
    return {**body, "input": kept}, lost if all(map(is_, kept, left)) else (*lost, OF_ITEMS)


def _is_encrypted(item: dict[str, Any]) -> bool:
    return isinstance(item.get("encrypted_content"), str) and bool(item["encrypted_content"])


def _is_by_id(item: dict[str, Any]) -> bool:
    return item.get("type") == "reasoning" and not _is_encrypted(item)


def _is_lost(item: dict[str, Any], is_held: Callable[[str], bool]) -> bool:
    return _is_by_id(item) and not item.get("content") and not is_held(str(item.get("id")))


def _masked(item: dict[str, Any], names: tuple[str, ...], is_held: Callable[[str], bool]) -> dict[str, Any]:
    # What is encrypted says which id it belongs to, and nobody else has it.
    if item.get("type") == REFERENCE or _is_encrypted(item):
        return item
    foreign = {name: _mask(item[name]) for name in names if item.get(name) and not is_held(str(item[name]))}
    return {**item, **foreign} if foreign else item


def _mask(id: object) -> str:
    """An id that nobody has, always the same one: with the kind that is at the beginning of all ids."""
    kind, dash, _ = str(id).partition("_")
    lead = f"{kind}_" if dash and kind.isalpha() and kind.isascii() and len(kind) <= 12 else ""
    return lead + hashlib.sha256(str(id).encode("utf-8", "replace")).hexdigest()[:LENGTH]


def with_short_calls(body: dict[str, Any]) -> dict[str, Any]:
    """The request with ids of calls that OpenAI takes; itself where they are."""
    items = body.get("input")
    if not isinstance(items, list):
        return body
    made = [with_ids(item, ("call_id",), shortened) if isinstance(item, dict) else item for item in items]
    return body if all(new is old for new, old in zip(made, items, strict=True)) else {**body, "input": made}
