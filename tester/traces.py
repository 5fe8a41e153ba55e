"""Stored traces, read back: a page of them, or all as JSON lines without holding them in memory."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import F, Sum
from pydantic_core import from_json

from tester.models import Run, TraceChunk


def count_of(run: Run) -> int:
    """How many traces are stored; one query."""
    total: int | None = TraceChunk.objects.filter(run=run).aggregate(total=Sum("count"))["total"]
    return total or 0


def slice_of(run: Run, start: int, stop: int) -> list[dict[str, Any]]:
    """The traces from `start` to before `stop`, in the order in which their requests ended; one query."""
    chunks = TraceChunk.objects.filter(run=run, first__lt=stop).alias(end=F("first") + F("count")).filter(end__gt=start)
    return [
        from_json(line)
        for chunk in chunks
        for line in _lines(chunk)[max(0, start - chunk.first) : max(0, stop - chunk.first)]
    ]


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
