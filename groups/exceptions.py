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


class GroupIsPool(Conflict):
    """A group cannot go while virtual models send messages to it."""

    def __init__(self, name: str, virtual_models: list[str]) -> None:
        super().__init__(
            f"'{name}' is a pool of {', '.join(virtual_models)}. Give these virtual models another pool first."
        )


class VirtualModelChanged(Stale):
    """The caller's `If-Match` names another version than the one there is."""

    def __init__(self, name: str, etag: str) -> None:
        super().__init__(
            f"The virtual model '{name}' was changed since you loaded it; it is at {etag} now. Load it again."
        )


class CannotComeBack(Conflict):
    """What was deleted has lost its place meanwhile."""


class NothingToUndo(Conflict):
    """The time to take a change back is over, or it was somebody else's."""

    def __init__(self) -> None:
        super().__init__("It is too late to undo this: a change can be taken back for 10 seconds, by who made it.")
