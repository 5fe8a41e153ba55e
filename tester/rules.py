"""Who may rehearse, and which actions a run allows."""

from __future__ import annotations

from django.utils import timezone

from access.models import Actor, Role
from access.rules import check_role
from tester.exceptions import RunIsOpen, RunIsOver, RunIsReal, RunTooOld, TooManyRuns
from tester.models import LOST_AFTER, OPEN, HistoryRun, Rehearsal, Run

MOST_OPEN_RUNS = 100
# Each takes seconds of a processor for each seed, and a thread of the server that started it.
MOST_OPEN_HISTORY_RUNS = 10


def check_can_rehearse(actor: Actor) -> None:
    """Operators and above start, cancel and delete runs."""
    check_role(actor, Role.OPERATOR, to="rehearse routing groups")


def check_not_too_many() -> None:
    """Raises TooManyRuns if the queue is too long for another run."""
    _check_room(Run, MOST_OPEN_RUNS)


def check_not_too_much_past() -> None:
    """The same for rehearsals of the past."""
    _check_room(HistoryRun, MOST_OPEN_HISTORY_RUNS)


def _check_room(model: type[Rehearsal], most: int) -> None:
    alive = model._default_manager.filter(status__in=OPEN, heartbeat_at__gt=timezone.now() - LOST_AFTER)
    if alive.count() >= most:
        raise TooManyRuns(most)


def check_can_delete(run: Rehearsal) -> None:
    """Raises RunIsOpen while it is open."""
    if run.is_open:
        raise RunIsOpen


def can_change(run: Run) -> bool:
    """Whether the faults of the run can be changed."""
    return not run.is_real and bool(run.engine_input)


def check_can_change(run: Run) -> None:
    """Raises RunIsReal, or RunTooOld for a run without its engine input."""
    if not can_change(run):
        raise RunIsReal if run.is_real else RunTooOld


def check_can_cancel(run: Rehearsal) -> None:
    """Raises RunIsOver for one that has ended, with all its seeds."""
    if not run.can_be_cancelled:
        raise RunIsOver(run.current_status.value)
