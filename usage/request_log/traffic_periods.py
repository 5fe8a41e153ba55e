"""The recorded traffic of a group in a period, from the log: to be rehearsed again, here or elsewhere.

Never prompts, people or keys. Rows are read some at a time, by the index of the group and the time.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from asgiref.sync import sync_to_async

from engine.rehearsal.recorded_traffic import RecordedRequest, attempt_of
from usage.models import RequestRecord
from usage.models.requests import RequestQuerySet
from usage.request_log.log_search import LogCursor

MOST_REQUESTS = 100_000
ROWS_AT_ONCE = 2000
COLUMNS = ("started_at", "call_id", "input_tokens", "output_tokens", "is_stream", "outcome", "attempts", "score")


@dataclass(frozen=True, slots=True)
class TrafficPeriod:
    """A group, by the name that the log has, and a time: from a moment on, and before another one.

    `virtual`: a virtual model instead, whichever of its pools a request came to.
    """

    group: str
    since: datetime
    until: datetime
    virtual: str = ""

    @property
    def rows(self) -> RequestQuerySet:
        """Its requests, oldest first."""
        who = {"virtual_model": self.virtual} if self.virtual else {"model_group": self.group}
        found: RequestQuerySet = RequestRecord.objects.filter(
            **who, started_at__gte=self.since, started_at__lt=self.until
        )
        return found.order_by("started_at", "call_id")

    def count(self) -> int:
        """How many requests there are; stops counting at one more than MOST_REQUESTS."""
        return self.rows.order_by()[: MOST_REQUESTS + 1].count()


def requests_in(period: TrafficPeriod) -> Iterator[RecordedRequest]:
    """All requests of the period, oldest first."""
    return chain.from_iterable(page for page, _ in _pages(period))


async def json_lines(period: TrafficPeriod) -> AsyncIterator[bytes]:
    """The same as lines of JSON."""
    following, mark = sync_to_async(_page_after), None
    while True:
        page, mark = await following(period, mark)
        if page:
            yield b"".join(json.dumps(one.to_json(), separators=(",", ":")).encode() + b"\n" for one in page)
        if mark is None:
            return


def _pages(period: TrafficPeriod) -> Iterator[tuple[list[RecordedRequest], LogCursor | None]]:
    mark: LogCursor | None = None
    while True:
        page, mark = _page_after(period, mark)
        yield page, mark
        if mark is None:
            return


def _page_after(period: TrafficPeriod, mark: LogCursor | None) -> tuple[list[RecordedRequest], LogCursor | None]:
    """Some requests, and the place of the last one unless these are all."""
    rows = period.rows if mark is None else period.rows.filter(mark.is_newer)
    found = list(rows.values_list(*COLUMNS)[:ROWS_AT_ONCE])
    following = LogCursor(found[-1][0], found[-1][1]) if len(found) == ROWS_AT_ONCE else None
    return [_request(row) for row in found], following


def _request(row: Sequence[Any]) -> RecordedRequest:
    at, _, read, written, is_stream, outcome, attempts, score = row
    return RecordedRequest(at, read, written, is_stream, outcome, tuple(map(attempt_of, attempts)), score)
