"""Who may rehearse, and what may be done to a run."""

from __future__ import annotations

from django.utils import timezone

from access.models import Actor, Role
from access.rules import check_role
from tester.exceptions import RunIsOpen, RunIsOver, RunIsReal, RunTooOld, TooManyRuns
from tester.models import LOST_AFTER, OPEN, Run

MOST_OPEN_RUNS = 100


def check_can_rehearse(actor: Actor) -> None:
    """Operators and up start, cancel and delete runs."""
    check_role(actor, Role.OPERATOR, to="rehearse routing groups")


def check_not_too_many() -> None:
    """Raises TooManyRuns when the queue is so long that another run would wait for ever."""
    alive = Run.objects.filter(status__in=OPEN, heartbeat_at__gt=timezone.now() - LOST_AFTER)
    if alive.count() >= MOST_OPEN_RUNS:
        raise TooManyRuns(MOST_OPEN_RUNS)


def check_can_delete(run: Run) -> None:
    """Raises RunIsOpen while the run is under way."""
    if run.is_open:
        raise RunIsOpen


def can_change(run: Run) -> bool:
    """Whether what goes wrong in the run can be changed while it is watched."""
    return not run.is_real and bool(run.engine_input)


def check_can_change(run: Run) -> None:
    """Raises RunIsReal, or RunTooOld for a run that does not know what it was made of."""
    if not can_change(run):
        raise RunIsReal if run.is_real else RunTooOld


def check_can_cancel(run: Run) -> None:
    """Raises RunIsOver for a run that has ended."""
    if not run.is_open:
        raise RunIsOver(run.current_status.value)
