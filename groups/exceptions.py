"""What can go wrong with routing groups beyond a bad field."""

from __future__ import annotations

from lib.exceptions import Conflict, Stale


class GroupChanged(Stale):
    """The caller's `If-Match` names another version than the one there is."""

    def __init__(self, name: str, etag: str) -> None:
        super().__init__(
            f"The routing group '{name}' was changed since you loaded it; it is at {etag} now. Load it again."
        )


class GroupIsFallback(Conflict):
    """A group cannot go while others fall back to it."""

    def __init__(self, name: str, others: list[str]) -> None:
        super().__init__(f"'{name}' is a fallback of {', '.join(others)}. Take it out of their fallback_config first.")
        self.others = others
