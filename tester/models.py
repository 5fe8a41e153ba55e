"""Runs: their requests, results, traces and frames; and rehearsals of the past."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone

from engine.rehearsal.ranges import Range, ranges_of
from groups.models import RoutingGroup

# The process of a run writes a heartbeat every few seconds; after this long without one it is gone.
LOST_AFTER = timedelta(seconds=15)
LOST = "The server that ran it went away before it ended. Start it again."


class RunStatus(models.TextChoices):
    """The status of a run; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class SeedsStatus(models.TextChoices):
    """Whether the other seeds of a run are still being rehearsed, all there, or stopped before."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


OPEN = (RunStatus.QUEUED, RunStatus.RUNNING)
FINAL = tuple(status for status in RunStatus if status not in OPEN)


class RunQuerySet(models.QuerySet["Run"]):
    def without_bulk(self) -> RunQuerySet:
        """Without large fields that only the run itself needs."""
        return self.defer("config", "engine_input", "result", "measured")


class Rehearsal(models.Model):
    """What is rehearsed in the background, by a process that tells that it lives.

    The group may be deleted; its name and revision stay.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group_name = models.CharField(max_length=128)
    group_revision = models.PositiveIntegerField()
    status = models.CharField(max_length=16, choices=RunStatus.choices, default=RunStatus.QUEUED)
    error = models.TextField(blank=True, default="")
    result = models.JSONField(null=True)
    cancel_requested = models.BooleanField(default=False)
    created_by = models.CharField(max_length=150, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True

    @property
    def is_lost(self) -> bool:
        """Whether it has lost its process without an end."""
        return self.status in OPEN and timezone.now() - self.heartbeat_at > LOST_AFTER

    @property
    def current_status(self) -> RunStatus:
        """The displayed status: one that lost its process has failed."""
        return RunStatus.FAILED if self.is_lost else RunStatus(self.status)

    @property
    def current_error(self) -> str:
        """Why it failed, for people; empty otherwise."""
        return LOST if self.is_lost else self.error

    @property
    def is_open(self) -> bool:
        """Whether it is queued or running."""
        return self.current_status in OPEN

    @property
    def can_be_cancelled(self) -> bool:
        """Whether there is anything left to stop."""
        return self.is_open


class Run(Rehearsal):
    """One rehearsal of a routing group. `config` is the interpreted request, so that it can be repeated.

    `engine_input` is the rest of the engine's input: a later change makes a new run with the same past, even if the
    group has changed. `measured` has the metrics of each of the `seeds` that is done, the run's own first.
    """

    group = models.ForeignKey(RoutingGroup, on_delete=models.SET_NULL, null=True, related_name="runs")
    scenario = models.CharField(max_length=128)
    seed = models.BigIntegerField()
    is_real = models.BooleanField(default=False)
    config = models.JSONField(default=dict)
    engine_input = models.JSONField(default=dict)
    continues = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="continuations")
    next_run = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")
    seeds = models.PositiveSmallIntegerField(default=1)
    measured = models.JSONField(default=list)
    seeds_error = models.TextField(blank=True, default="")

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [models.Index(fields=["group", "-created_at"], name="run_of_group_newest_first")]

    def __str__(self) -> str:
        return f"{self.group_name} {self.scenario} ({self.id})"

    @property
    def can_be_cancelled(self) -> bool:
        """Also while only its other seeds are under way."""
        return self.is_open or self.are_seeds_running

    @property
    def seeds_status(self) -> SeedsStatus:
        """How far its seeds are; an open run has not come to the others yet."""
        if len(self.measured) >= self.seeds or self.seeds == 1:
            return SeedsStatus.DONE
        has_ended = self.current_status in (RunStatus.CANCELLED, RunStatus.FAILED)
        is_silent = timezone.now() - self.heartbeat_at > LOST_AFTER
        is_stopped = has_ended or is_silent or self.cancel_requested or bool(self.seeds_error)
        return SeedsStatus.STOPPED if is_stopped else SeedsStatus.RUNNING

    @property
    def are_seeds_running(self) -> bool:
        """Whether the run is done, and its other seeds are not."""
        return self.current_status == RunStatus.DONE and self.seeds_status == SeedsStatus.RUNNING

    @property
    def ranges(self) -> dict[str, Range] | None:
        """The range of each metric over the seeds that are done; None for a run of one seed."""
        return ranges_of(self.measured) if self.seeds > 1 and self.measured else None


class HistoryRun(Rehearsal):
    """A period of real incidents through a group. `config` is the request as it was understood.

    `result` is the answer after `seeds_done` of `seeds`; `progress` is the share of all of them that is done, 0 to 1.
    """

    group = models.ForeignKey(RoutingGroup, on_delete=models.SET_NULL, null=True, related_name="history_runs")
    config = models.JSONField(default=dict)
    seeds = models.PositiveSmallIntegerField(default=1)
    seeds_done = models.PositiveSmallIntegerField(default=0)
    progress = models.FloatField(default=0.0)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [models.Index(fields=["group", "-created_at"], name="history_of_group_newest_first")]

    def __str__(self) -> str:
        return f"{self.group_name}, the past ({self.id})"


class TraceChunk(models.Model):
    """Up to 500 traces of a run, in the order in which their requests ended: JSON lines, compressed.

    The other fields describe the content, so that a search opens few chunks: the lowest and highest index, the end of
    the first and the last request, the numbers of failures and fallbacks, and the tried deployments (ids as keys).
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="chunks")
    first = models.PositiveIntegerField()
    count = models.PositiveIntegerField()
    low_index = models.PositiveIntegerField()
    high_index = models.PositiveIntegerField()
    first_ended_ms = models.FloatField()
    last_ended_ms = models.FloatField()
    failed = models.PositiveIntegerField()
    fell_back = models.PositiveIntegerField()
    tried = models.JSONField(default=dict)
    data = models.BinaryField()

    class Meta:
        ordering: ClassVar = ["first"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "first"], name="trace_chunk_once")]

    def __str__(self) -> str:
        return f"traces {self.first} to {self.first + self.count - 1}"


class Frame(models.Model):
    """The state of a run at one moment; `n` is its number; long runs keep only every second, fourth ... frame."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="frames")
    n = models.PositiveIntegerField()
    data = models.JSONField()

    class Meta:
        ordering: ClassVar = ["n"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "n"], name="frame_once")]

    def __str__(self) -> str:
        return f"frame {self.n}"
