"""Errors of rehearsals beyond invalid fields."""

from __future__ import annotations

from lib.exceptions import Conflict


class RunIsOpen(Conflict):
    """A running rehearsal can't be deleted."""

    def __init__(self) -> None:
        super().__init__("This run is still under way. Cancel it first.")


class RunIsOver(Conflict):
    """A finished run can't be cancelled."""

    def __init__(self, status: str) -> None:
        super().__init__(f"This run has ended already: {status}.")


class RunIsReal(Conflict):
    """Runs with real requests can't be changed."""

    def __init__(self) -> None:
        super().__init__("This run sends real requests. Only what goes wrong in a mock run can be changed.")


class RunTooOld(Conflict):
    """The run is from a version that did not store the data for a change."""

    def __init__(self) -> None:
        super().__init__("This run was made by an older version and can't be changed. Start a new one.")


class TooManyRuns(Conflict):
    """The queue is full."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} rehearsals are under way or waiting. Wait for one to end, or cancel some.")


class RunBroken(Exception):
    """A run can't go on; the message says why, for people."""


class RunCancelled(Exception):
    """The run was cancelled before it began."""
