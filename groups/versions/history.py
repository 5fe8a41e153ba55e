"""Every saved version of a routing group: author, time, changes. Kept in the audit log, which outlives the group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.utils import timezone

from access.models import Actor
from groups.models import Deployment, RoutingGroup
from groups.versions.differences import Difference, differences
from groups.versions.snapshots import Snapshot, snapshot_of
from lib.audit import CHANGED, CREATED, DELETED, keep

__all__ = ["CHANGED", "CREATED", "DELETED", "Version", "before_change", "entries_of", "record", "versions"]

VERBS = {CREATED: "created", CHANGED: "changed", DELETED: "deleted"}


@dataclass(frozen=True, slots=True)
class Version:
    """A group as it was after one change. `entry_id` names it, `restored` is the revision it was restored from."""

    entry_id: int
    revision: int
    verb: str
    by: str
    at: datetime
    restored: int | None
    lines: tuple[Difference, ...]
    snapshot: Snapshot


def before_change(group: RoutingGroup) -> Snapshot:
    """The current group as a snapshot. A group that was saved before versions were kept gets its first version here."""
    snapshot = snapshot_of(group, group.deployments.all())
    if not entries_of(group.pk).exists():
        _keep(CHANGED, group, snapshot, (), by=group.updated_by, at=group.updated_at)
    return snapshot


def record(
    action: int,
    group: RoutingGroup,
    rows: Iterable[Deployment],
    *,
    by: Actor,
    before: Snapshot | None = None,
    restored: int | None = None,
) -> None:
    """Records the current group; `before` is its earlier snapshot. Call it in the transaction of the change."""
    after = snapshot_of(group, rows)
    _keep(action, group, after, differences(before or {}, after), by=by.name, at=timezone.now(), restored=restored)


def _keep(
    action: int,
    group: RoutingGroup,
    snapshot: Snapshot,
    lines: Iterable[Difference],
    *,
    by: str,
    at: datetime,
    restored: int | None = None,
) -> None:
    keep(action, group, _changes(lines), by=by, at=at, snapshot=snapshot, revision=group.revision, restored=restored)


def _changes(lines: Iterable[Difference]) -> dict[str, list[str]]:
    """The changes for the audit log, one line per label: a model that was removed and added again has one line, not
    two."""
    changes: dict[str, list[str]] = {}
    for line in lines:
        changes[line.label] = [changes.get(line.label, [line.before])[0], line.after]
    return changes


def entries_of(group_id: UUID) -> QuerySet[LogEntry]:
    """The audit log's entries about one group, newest first."""
    kind = ContentType.objects.get_for_model(RoutingGroup)
    entries: QuerySet[LogEntry] = LogEntry.objects.filter(content_type=kind, object_pk=str(group_id)).order_by("-id")
    return entries


def versions(entries: Iterable[LogEntry]) -> list[Version]:
    """The entries as versions, in the same order."""
    return [_version(entry) for entry in entries]


def _version(entry: LogEntry) -> Version:
    about = entry.additional_data or {}
    return Version(
        entry_id=entry.pk,
        revision=about.get("revision", 0),
        verb=VERBS.get(entry.action, "changed"),
        by=about.get("by", ""),
        at=entry.timestamp,
        restored=about.get("restored"),
        lines=tuple(Difference(label, *values) for label, values in (entry.changes or {}).items()),
        snapshot=entry.serialized_data or {},
    )
