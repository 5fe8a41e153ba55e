"""Who may rehearse, and what may be done to a run."""

from __future__ import annotations

from django.utils import timezone

from access.models import Actor, Role
from access.rules import check_role
from tester.exceptions import RunIsOpen, RunIsOver, TooManyRuns
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


def check_can_cancel(run: Run) -> None:
    """Raises RunIsOver for a run that has ended."""
    if not run.is_open:
        raise RunIsOver(run.current_status.value)
