"""The shapes of a client's JSON, and remarks about what a translation of it loses. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.dialects.translation import Malformed, Untranslatable


class Remarks:
    """What is lost on the way from a client's request to a chat request.

    `dropped` are names of parameters, each once; `obstacle` is the first thing that chat can't do at all.
    """

    __slots__ = ("_dropped", "obstacle")

    def __init__(self) -> None:
        self._dropped: dict[str, None] = {}
        self.obstacle: Untranslatable | None = None

    @property
    def dropped(self) -> tuple[str, ...]:
        """The names, in the order of the request."""
        return tuple(self._dropped)

    def drop(self, name: str) -> None:
        """This parameter of the client has no effect."""
        self._dropped[name] = None

    def drop_others(self, fields: Mapping[str, Any], known: frozenset[str], path: str) -> None:
        """The fields of an object that are not `known`, unless they are null, empty or false."""
        for name, value in fields.items():
            if value and name not in known:
                self.drop(f"{path}.{name}")

    def cannot(self, param: str, message: str) -> None:
        """Chat can't do this."""
        self.obstacle = self.obstacle or Untranslatable(param, message)


def text_of(value: object, param: str) -> str:
    """A text; raises Malformed."""
    if not isinstance(value, str):
        raise Malformed(param, f"'{param}' must be a string.")
    return value


def list_of(value: object, param: str) -> list[dict[str, Any]]:
    """A list of objects, empty for null; raises Malformed."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(param, f"'{param}' must be an array.")
    for place, item in enumerate(value):
        if not isinstance(item, dict):
            raise Malformed(f"{param}[{place}]", f"'{param}[{place}]' must be an object.")
    return value


def object_of(value: object, param: str) -> dict[str, Any]:
    """An object, empty for null; raises Malformed."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(param, f"'{param}' must be an object.")
    return value
