"""Errors of routing groups beyond invalid fields."""

from __future__ import annotations

from lib.exceptions import Conflict, DomainError, Stale


class RowChanged(Stale):
    """The caller's `If-Match` names another version than the current one. `what`: "routing group 'chat'"."""

    def __init__(self, what: str, etag: str) -> None:
        super().__init__(f"The {what} was changed since you loaded it; it is at {etag} now. Load it again.")


class GroupIsFallback(Conflict):
    """A group can't be deleted while other groups fall back to it."""

    def __init__(self, name: str, others: list[str]) -> None:
        super().__init__(f"'{name}' is a fallback of {', '.join(others)}. Take it out of their fallback_config first.")
        self.others = others


class GroupIsPool(Conflict):
    """A group can't be deleted while it is a pool of virtual models."""

    def __init__(self, name: str, virtual_models: list[str]) -> None:
        super().__init__(
            f"'{name}' is a pool of {', '.join(virtual_models)}. Give these virtual models another pool first."
        )


class IsAliased(Conflict):
    """A group or virtual model can't be deleted while aliases lead to it."""

    def __init__(self, name: str, aliases: list[str]) -> None:
        super().__init__(f"The aliases {', '.join(aliases)} lead to '{name}'. Change them in the routing rules first.")


class RulesChanged(Stale):
    """The caller's `If-Match` names another version than the current one."""

    def __init__(self, etag: str) -> None:
        super().__init__(f"The routing rules were changed since you loaded them; they are at {etag} now. Load again.")


class NothingToExport(DomainError):
    """A plugin needs a virtual model to route."""

    def __init__(self) -> None:
        super().__init__("There is no active virtual model with a pool in service. Make one, or install the templates.")


class CannotComeBack(Conflict):
    """The deleted groups can't be restored: something took their place."""


class NothingToUndo(Conflict):
    """The time for undo is over, or the change was somebody else's."""

    def __init__(self) -> None:
        super().__init__(
            "It is too late to undo this: a change can be undone for 10 seconds, by the person who made it."
        )


class TooManyLinks(Conflict):
    """A group has enough links that open."""

    def __init__(self, name: str, most: int) -> None:
        super().__init__(f"'{name}' has {most} links that open. Revoke one first.")
