"""Reads stored traces: those that match a filter, or all as JSON lines without keeping them in memory."""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from asgiref.sync import sync_to_async
from django.db.models import F, QuerySet, Sum
from pydantic_core import from_json

from engine.outcomes import Outcome
from tester.models import Run, TraceChunk

JSON = Mapping[str, Any]

FROM_THE_START = -1
CHUNKS_AT_ONCE = 4
# A search stops after this many chunks, at most 20,000 traces, and returns the place to continue, so that none takes
# long.
MOST_CHUNKS = 40
UNTRIED = b'"attempts":[]'
FELL_BACK = re.compile(rb'"fallback_depth":[1-9]')


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """The filter of traces: None matches any.

    A request matches each deployment that it tried, and the moment at which it ended; ranges include both ends.
    `tried`: whether it reached any deployment.
    """

    deployment_id: str | None = None
    status: str | None = None
    outcome: str | None = None
    fallback: bool | None = None
    tried: bool | None = None
    from_ms: float | None = None
    to_ms: float | None = None

    @property
    def is_everything(self) -> bool:
        """Whether it matches everything."""
        return self == TraceFilter()

    def may_be(self, line: bytes) -> bool:
        """Whether a stored line may match and needs parsing: most do not, and this check is twenty times as fast."""
        # Only before the attempts, which have statuses of their own.
        if self._status is not None and f'"status":"{self._status}"'.encode() not in line[: line.find(b'"attempts"')]:
            return False
        if self.deployment_id is not None and self.deployment_id.encode() not in line:
            return False
        if self.tried not in (None, UNTRIED not in line):
            return False
        return self.fallback in (None, FELL_BACK.search(line) is not None)

    @property
    def _status(self) -> str | None:
        """The one status of all matching traces, if there is one."""
        if self.outcome is None:
            return self.status
        return "success" if self.outcome == Outcome.ANSWERED else "error"

    @property
    def wants_failed(self) -> bool | None:
        """Whether all matching traces failed (True) or none (False); None means either."""
        if self.tried is False:
            return True
        return None if self._status is None else self._status != "success"

    def takes(self, trace: JSON) -> bool:
        """Whether this trace matches."""
        return (
            self.status in (None, trace["status"])
            and self.outcome in (None, outcome_in(trace))
            and self.fallback in (None, trace["fallback_depth"] > 0)
            and self.tried in (None, bool(trace["attempts"]))
            and self._is_in_range(ended_ms(trace))
            and (self.deployment_id is None or any(a["deployment_id"] == self.deployment_id for a in trace["attempts"]))
        )

    def _is_in_range(self, moment_ms: float) -> bool:
        is_early = self.from_ms is not None and moment_ms < self.from_ms
        return not is_early and (self.to_ms is None or moment_ms <= self.to_ms)


class TracePage(NamedTuple):
    """A page of traces in the order in which their requests ended, and the place after which to continue (None: the
    end).

    A page that is not full has reached the limit of a search.
    """

    traces: list[dict[str, Any]]
    next_after: int | None


def outcome_in(trace: JSON) -> str:
    """The outcome of a request; runs of older versions do not distinguish refused from failed ones."""
    told = Outcome.ANSWERED if trace["status"] == "success" else Outcome.FAILED
    return str(trace.get("outcome", told.value))


def ended_ms(trace: JSON) -> float:
    """When a request ended, on the run's clock."""
    return round(float(trace["at_ms"] + trace["duration_ms"]), 3)


def count_of(run: Run) -> int:
    """The number of stored traces; one query."""
    total: int | None = TraceChunk.objects.filter(run=run).aggregate(total=Sum("count"))["total"]
    return total or 0


def find(run: Run, wanted: TraceFilter, *, after: int = FROM_THE_START, size: int) -> TracePage:
    """The first `size` matching traces after a place in the stored order; opens only chunks that may match, and stops
    early."""
    found: list[dict[str, Any]] = []
    last = after
    chunks = _worth_opening(run, wanted, after)[: MOST_CHUNKS + 1]
    for n, chunk in enumerate(chunks.iterator(CHUNKS_AT_ONCE)):
        if n == MOST_CHUNKS:
            return TracePage(found, chunk.first - 1)
        for place, trace in _matches(chunk, wanted, after):
            if len(found) == size:
                return TracePage(found, last)
            found.append(trace)
            last = place
    return TracePage(found, None)


def trace_of(run: Run, index: int) -> dict[str, Any] | None:
    """The trace of one request by its index, or None."""
    head = f'{{"index":{index},'.encode()
    for chunk in TraceChunk.objects.filter(run=run, low_index__lte=index, high_index__gte=index):
        for line in _lines(chunk):
            if line.startswith(head):
                trace: dict[str, Any] = from_json(line)
                return trace
    return None


def _matches(chunk: TraceChunk, wanted: TraceFilter, after: int) -> Iterator[tuple[int, dict[str, Any]]]:
    for place, line in enumerate(_lines(chunk), start=chunk.first):
        if place > after and wanted.may_be(line) and wanted.takes(trace := from_json(line)):
            yield place, trace


def _worth_opening(run: Run, wanted: TraceFilter, after: int) -> QuerySet[TraceChunk]:
    chunks = TraceChunk.objects.filter(run=run).alias(end=F("first") + F("count")).filter(end__gt=after + 1)
    if wanted.from_ms is not None:
        chunks = chunks.filter(last_ended_ms__gte=wanted.from_ms)
    if wanted.to_ms is not None:
        chunks = chunks.filter(first_ended_ms__lte=wanted.to_ms)
    if wanted.deployment_id is not None:
        chunks = chunks.filter(tried__has_key=wanted.deployment_id)
    for field, value in (("failed", wanted.wants_failed), ("fell_back", wanted.fallback)):
        if value is not None:
            chunks = chunks.filter(**{f"{field}__gt": 0} if value else {f"{field}__lt": F("count")})
    return chunks


async def json_lines(run: Run) -> AsyncIterator[bytes]:
    """All traces as JSON lines, chunk by chunk."""
    following = sync_to_async(_chunk_from)
    chunk = await following(run, 0)
    while chunk is not None:
        yield zlib.decompress(chunk.data)
        chunk = await following(run, chunk.first + chunk.count)


def _chunk_from(run: Run, first: int) -> TraceChunk | None:
    return TraceChunk.objects.filter(run=run, first=first).first()


def _lines(chunk: TraceChunk) -> list[bytes]:
    return zlib.decompress(chunk.data).splitlines()
