"""Searches the request log: newest first, by pages, without counting all of it.

A page begins after a cursor, the last request of the previous page, so that the thousandth page is as fast as the
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet

from engine.outcomes import outcome_of
from lib.ids import uuid_of
from usage.models import RequestRecord, UsageSeries
from usage.models.requests import RequestQuerySet
from usage.request_log.finished import PROBE, PROVER

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# More keys than would have the same name.
MOST_KEYS = 200


@dataclass(frozen=True, slots=True)
class LogCursor:
    """The position of one request in the log; as text `MICROSECONDS.CALL_ID`, with the time since 1970 in UTC."""

    started_at: datetime
    call_id: str

    @classmethod
    def of(cls, record: RequestRecord) -> LogCursor:
        return cls(record.started_at, record.call_id)

    @classmethod
    def parse(cls, text: str) -> LogCursor:
        """Reads a cursor; raises ValueError for invalid text."""
        microseconds, dot, call_id = text.partition(".")
        if not (dot and call_id and microseconds.isdecimal() and len(microseconds) <= 18 and "\x00" not in call_id):
            raise ValueError("This is not a place in the log.")
        try:
            return cls(EPOCH + int(microseconds) * MICROSECOND, call_id)
        except OverflowError:
            raise ValueError("This is not a place in the log.") from None

    def __str__(self) -> str:
        return f"{(self.started_at - EPOCH) // MICROSECOND}.{self.call_id}"

    @property
    def is_older(self) -> Q:
        """A condition: requests after this one in the order of the log."""
        same = Q(started_at=self.started_at, call_id__lt=self.call_id)
        return Q(started_at__lte=self.started_at) & (Q(started_at__lt=self.started_at) | same)

    @property
    def is_newer(self) -> Q:
        """A condition: requests before it."""
        same = Q(started_at=self.started_at, call_id__gt=self.call_id)
        return Q(started_at__gte=self.started_at) & (Q(started_at__gt=self.started_at) | same)


@dataclass(frozen=True, slots=True)
class LogQuery:
    """The search; empty fields do not filter.

    `call_id` is the beginning of one, `key` the name or the id of an API key, `status` an HTTP status, `proofs` whether
    to find only test requests to standbys, or none of them.
    """

    call_id: str = ""
    outcome: str = ""
    status: int | None = None
    key: str = ""
    group: str = ""
    owner: str = ""
    provider: str = ""
    virtual_model: str = ""
    fell_back: bool | None = None
    rescued: bool | None = None
    skipped: bool | None = None
    proofs: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some requests, newest first; `next` is the cursor of the next page, None at the end of the log."""

    records: Sequence[RequestRecord]
    next: LogCursor | None


def matching(wanted: LogQuery) -> RequestQuerySet:
    """The matching requests, newest first. The name of a key needs one more query."""
    found: RequestQuerySet = RequestRecord.objects.order_by("-started_at", "-call_id")
    exact = {
        "model_group": wanted.group,
        "owner": wanted.owner,
        "provider": wanted.provider,
        "virtual_model": wanted.virtual_model,
        "outcome": wanted.outcome,
        "started_at__gte": wanted.since,
        "started_at__lt": wanted.until,
    }
    found = found.filter(**{field: value for field, value in exact.items() if value})
    if wanted.call_id:
        found = found.whose_id_begins(wanted.call_id)
    if wanted.fell_back is not None:
        found = found.filter(fell_back=wanted.fell_back)
    if wanted.rescued:
        found = found.filter(rescued=True)
    if wanted.skipped:
        found = found.filter(has_skips=True)
    if wanted.proofs is not None:
        # By the index on owners; without them it would be nearly the whole log.
        found = found.filter(owner=PROVER, endpoint=PROBE) if wanted.proofs else found.exclude(endpoint=PROBE)
    if wanted.status:
        found = found.filter(_ended_with(wanted.status))
    return found.filter(_by_key(wanted.key)) if wanted.key else found


def page_of(found: RequestQuerySet, *, before: LogCursor | None, size: int) -> LogPage:
    """One page after a cursor (None: the first); one query, on PostgreSQL a second one where the last day has less."""
    rows = found.filter(before.is_older).newest(size + 1, until=before.started_at) if before else found.newest(size + 1)
    return LogPage(rows[:size], LogCursor.of(rows[size - 1]) if len(rows) > size else None)


def count_newer(found: QuerySet[RequestRecord], than: LogCursor, *, most: int) -> int:
    """The number of requests after a cursor; stops counting at `most`."""
    return found.filter(than.is_newer)[:most].count()


def _ended_with(status: int) -> Q:
    """The status with its possible outcomes, because the index is by outcome."""
    outcomes = {outcome_of(status, was_routed=was_routed).value for was_routed in (False, True)}
    return Q(status=status, outcome__in=sorted(outcomes))


def _by_key(key: str) -> Q:
    """By the key's id, because the index is by id; the series have the ids of all names, also of deleted keys."""
    if found := uuid_of(key):
        return Q(key_id=str(found))
    ids = UsageSeries.objects.filter(key_name=key).values_list("key_id", flat=True).distinct()
    return Q(key_id__in=list(ids[:MOST_KEYS]))
