"""What a Responses request says of kept responses, and what an answer says of itself. Pure."""

from __future__ import annotations

import re
from typing import Any, TypeGuard

from engine.dialects.shapes import objects
from engine.dialects.translation import Malformed

PREVIOUS = "previous_response_id"
REFERENCE = "item_reference"
CONTAINER = "container_id"
# It becomes a part of an address at the upstream, and so must not be one of its own (`..`).
ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._:-]{0,199}")


def is_id(value: object) -> TypeGuard[str]:
    """Whether this can be the id of something that is kept."""
    return isinstance(value, str) and ID.fullmatch(value) is not None


def previous_of(body: dict[str, Any]) -> str | None:
    """The id of the response that a request goes on from; raises Malformed."""
    previous = body.get(PREVIOUS)
    if previous is not None and not isinstance(previous, str):
        raise Malformed(PREVIOUS, f"'{PREVIOUS}' must be a string.")
    return previous or None


def references_of(body: dict[str, Any]) -> dict[str, object]:
    """The ids of kept items that a request names instead of having them, by the paths of the parameters.

    An image that was made needs no reference: it may stand for itself, without its content.
    """
    items = body.get("input")
    if not isinstance(items, list):
        return {}
    return {
        f"input[{place}]": item.get("id")
        for place, item in enumerate(items)
        if isinstance(item, dict) and (item.get("type") == REFERENCE or _is_image_by_id(item))
    }


def is_kept(response: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether an upstream keeps this answer: what it says of it counts, or else the wish of the client."""
    wish, said = asked.get("store"), response.get("store")
    return wish is not False and (said is True or (said is None and wish is True)) and is_id(response.get("id"))


def item_ids(response: dict[str, Any]) -> tuple[str, ...]:
    """The ids of the items in an answer, and of the containers that were made for it."""
    items = objects(response.get("output"))
    containers = dict.fromkeys(id for item in items if (id := container_of(item)) is not None)
    return (*(item["id"] for item in items if is_id(item.get("id"))), *containers)


def container_of(item: dict[str, Any]) -> str | None:
    """The id of the container in which the provider ran a call; None for other items."""
    container = item.get(CONTAINER)
    return container if is_id(container) else None


def _is_image_by_id(item: dict[str, Any]) -> bool:
    return item.get("type") == "image_generation_call" and not item.get("result")
