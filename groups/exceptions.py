"""What can go wrong with routing groups beyond a bad field."""

from __future__ import annotations

from lib.exceptions import Conflict, DomainError, Stale


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


class IsAliased(Conflict):
    """A group or virtual model cannot go while aliases lead to it."""

    def __init__(self, name: str, aliases: list[str]) -> None:
        super().__init__(f"The aliases {', '.join(aliases)} lead to '{name}'. Change them in the routing rules first.")


class RulesChanged(Stale):
    """The caller's `If-Match` names another version than the one there is."""

    def __init__(self, etag: str) -> None:
        super().__init__(f"The routing rules were changed since you loaded them; they are at {etag} now. Load again.")


class VirtualModelChanged(Stale):
    """The caller's `If-Match` names another version than the one there is."""

    def __init__(self, name: str, etag: str) -> None:
        super().__init__(
            f"The virtual model '{name}' was changed since you loaded it; it is at {etag} now. Load it again."
        )


class NothingToExport(DomainError):
    """A plugin needs a virtual model to route."""

    def __init__(self) -> None:
        super().__init__("There is no active virtual model with a pool in service. Make one, or install the templates.")


class CannotComeBack(Conflict):
    """What was deleted has lost its place meanwhile."""


class NothingToUndo(Conflict):
    """The time to take a change back is over, or it was somebody else's."""

    def __init__(self) -> None:
        super().__init__("It is too late to undo this: a change can be taken back for 10 seconds, by who made it.")
