"""The two sections of a file with settings. An unreadable value loses only itself. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from interchange.bundle import Remark
from interchange.litellm_config.tracked_mapping import Fields
from interchange.places import Wrong

ROUTER, GENERAL = "router_settings", "litellm_settings"
T = TypeVar("T")


class Rooms:
    """`router` and `general`, and `remarks` about what was left out."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.remarks: list[Remark] = []
        self.router = self._room(document, ROUTER)
        self.general = self._room(document, GENERAL)

    def _room(self, document: Mapping[str, Any], name: str) -> Fields:
        return self.tried(lambda: Fields(document.get(name), name), Fields({}, name))

    def tried(self, read: Callable[[], T], otherwise: T) -> T:
        """The result of `read`; if it fails, a remark and the default value."""
        try:
            return read()
        except Wrong as error:
            self.remarks.append(Remark(error.place, f"{error.why} Left out."))
        return otherwise

    def said(self, name: str, also: str = "") -> tuple[Fields, str]:
        """The section and name of a setting: the router's, unless it is empty."""
        if self.router.get(name) in (None, [], {}) and (also or name) in self.general:
            return self.general, also or name
        return self.router, name
