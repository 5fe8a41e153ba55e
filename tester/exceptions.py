"""What can go wrong with rehearsals beyond a bad field."""

from __future__ import annotations

from lib.exceptions import Conflict


class RunIsOpen(Conflict):
    """A run that is under way cannot be deleted."""

    def __init__(self) -> None:
        super().__init__("This run is still under way. Cancel it first.")


class RunIsOver(Conflict):
    """A run that has ended cannot be cancelled."""

    def __init__(self, status: str) -> None:
        super().__init__(f"This run has ended already: {status}.")


class RunIsReal(Conflict):
    """Real requests meet real conditions, which nobody can change."""

    def __init__(self) -> None:
        super().__init__("This run sends real requests. Only what goes wrong in a mock run can be changed.")


class RunTooOld(Conflict):
    """The run was made before runs kept all that a change needs."""

    def __init__(self) -> None:
        super().__init__("This run was made by an older version and can't be changed. Start a new one.")


class TooManyRuns(Conflict):
    """The queue is full."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} rehearsals are under way or waiting. Wait for one to end, or cancel some.")


class RunBroken(Exception):
    """A run cannot go on; the message says why, for people."""


class RunCancelled(Exception):
    """Somebody asked the run to stop before it had begun."""
