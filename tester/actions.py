"""Starting, cancelling and deleting runs, for the API, the pages and the command line."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.conf import settings
from django.db.transaction import atomic
from django.utils import timezone

from access.models import Actor
from tester import rules
from tester.change_planning import PlannedChange
from tester.history.planning import HistoryPlan
from tester.models import HistoryRun, Rehearsal, Run
from tester.run_planning import RunPlan

log = structlog.get_logger(__name__)


@atomic
def create_run(*, by: Actor, plan: RunPlan) -> Run:
    """A stored run, ready to start (see `runs/conduct.py`). Deletes old runs to make room."""
    rules.check_can_rehearse(by)
    rules.check_not_too_many()
    forget_old_runs()
    return Run.objects.create(
        group=plan.group,
        group_name=plan.name,
        group_revision=plan.group.revision,
        scenario=plan.job.scenario.name,
        seed=plan.job.seed,
        is_real=plan.job.is_real,
        config=plan.config,
        engine_input=plan.engine_input,
        seeds=plan.seeds,
        created_by=by.name,
    )


@atomic
def change_run(*, by: Actor, run: Run, change: PlannedChange) -> Run:
    """A stored run, ready to start, that equals this one up to the change. It replaces a run that is open."""
    rules.check_can_rehearse(by)
    rules.check_not_too_many()
    follower = Run.objects.create(
        group=run.group,
        group_name=run.group_name,
        group_revision=run.group_revision,
        scenario=change.job.scenario.name,
        seed=run.seed,
        config=change.config,
        engine_input=run.engine_input,
        continues=run,
        seeds=run.seeds,
        created_by=by.name,
    )
    if run.is_open:
        Run.objects.filter(pk=run.pk, next_run=None).update(next_run=follower, cancel_requested=True)
    log.info("run changed", run=str(run.pk), into=str(follower.pk), group=run.group_name, by=by.name)
    return follower


@atomic
def create_history_run(*, by: Actor, plan: HistoryPlan) -> HistoryRun:
    """A stored rehearsal of the past, ready to start (see `history/performing.py`). Deletes old ones to make room."""
    rules.check_can_rehearse(by)
    rules.check_not_too_much_past()
    forget_old_runs()
    return HistoryRun.objects.create(
        group=plan.group,
        group_name=plan.group.name,
        group_revision=plan.group.revision,
        config=plan.config,
        seeds=plan.job.seeds,
        created_by=by.name,
    )


@atomic
def cancel_run(*, by: Actor, run: Rehearsal) -> None:
    """Asks the process of the run to stop it; that takes a moment."""
    rules.check_can_rehearse(by)
    rules.check_can_cancel(run)
    type(run)._default_manager.filter(pk=run.pk).update(cancel_requested=True)
    log.info("run cancelled", run=str(run.pk), group=run.group_name, by=by.name)


@atomic
def delete_run(*, by: Actor, run: Rehearsal) -> None:
    """Deletes a finished run with all that it has."""
    rules.check_can_rehearse(by)
    rules.check_can_delete(run)
    run.delete()
    log.info("run deleted", run=str(run.pk), group=run.group_name, by=by.name)


def forget_old_runs() -> None:
    """Deletes runs that are older than RUNS_RETENTION_DAYS."""
    oldest = timezone.now() - timedelta(days=settings.RUNS_RETENTION_DAYS)
    for model in (Run, HistoryRun):
        model._default_manager.filter(created_at__lt=oldest).only("pk").delete()
