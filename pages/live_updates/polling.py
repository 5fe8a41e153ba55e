"""News for open pages: one look at the database per second, for all viewers of a process.

The news names only what changed; the page then loads it with its own rights.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from django.db.models import Sum
from django.utils import timezone

from providers import config_version
from providers.models import Provider
from tester.live.stored_frames import in_database_thread
from tester.models import Run
from usage.models import Alert, BreakerTrip, CooldownRecord, Grain, UsageBucket

log = structlog.get_logger(__name__)

TICK_S = 1.0
# The end of a request that took longer than this is not noticed.
RECENT = timedelta(hours=2)
NEWEST_RUNS = 12
# After so many unread messages the viewer's page is out of date anyway.
MOST_WAITING = 100
News = dict[str, str]
Mailbox = asyncio.Queue[News]


@dataclass(frozen=True, slots=True)
class WatchedState:
    """The result of one look; a difference between two is a change."""

    version: int
    requests: int = 0
    runs: tuple[Any, ...] = ()
    providers: tuple[Any, ...] = ()
    cooldowns: tuple[Any, ...] = ()
    alerts: dict[int, str] = field(default_factory=dict)
    acknowledged: frozenset[int] = frozenset()


def look() -> WatchedState:
    """The state that pages follow; seven small queries."""
    alerts = list(Alert.objects.open().values_list("pk", "message", "acknowledged_at"))
    return WatchedState(
        version=config_version.current(),
        requests=_recent_requests(),
        runs=tuple(Run.objects.order_by("-created_at").values_list("pk", "status")[:NEWEST_RUNS]),
        providers=tuple(Provider.objects.order_by("pk").values_list("pk", "enabled", "error")),
        cooldowns=_cooldowns(),
        alerts={pk: message for pk, message, _ in alerts},
        acknowledged=frozenset(pk for pk, _, at in alerts if at is not None),
    )


def _cooldowns() -> tuple[Any, ...]:
    rows = CooldownRecord.objects.order_by("pk").values_list("pk", "until", "state")
    return *rows, *BreakerTrip.objects.order_by("pk").values_list("pk", "until")


def _recent_requests() -> int:
    """The number of recent requests by the sums, which grow with every request: the newest row of the log may be older
    than a slow request."""
    buckets = UsageBucket.objects.filter(grain=Grain.HOUR, start__gte=timezone.now() - RECENT)
    return buckets.aggregate(all=Sum("requests"))["all"] or 0


def news_between(before: WatchedState, after: WatchedState) -> list[News]:
    """The news between two looks: the outdated pages, and the new alerts. Pure."""
    news = []
    if (before.version, before.providers) != (after.version, after.providers):
        news.append({"changed": "providers"})
    if before.cooldowns != after.cooldowns:
        news.append({"changed": "cooldowns"})
    if before.requests != after.requests:
        news.append({"changed": "requests"})
    if before.runs != after.runs:
        news.append({"changed": "runs"})
    if (before.alerts, before.acknowledged) != (after.alerts, after.acknowledged):
        news.append({"changed": "alerts"})
    return news + [{"alert": text} for alert, text in after.alerts.items() if alert not in before.alerts]


class Follower:
    """Looks while there are viewers, and tells all of them."""

    def __init__(self, look: Callable[[], Awaitable[WatchedState]], *, tick_s: float = TICK_S) -> None:
        self._look, self._tick_s = look, tick_s
        self._mailboxes: set[Mailbox] = set()
        self._task: asyncio.Task[None] | None = None
        self._has_failed = False

    @property
    def is_looking(self) -> bool:
        """Whether viewers are told of changes: not while the last look failed."""
        return not self._has_failed

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[Mailbox]:
        """A mailbox for news while the context is open."""
        mailbox: Mailbox = asyncio.Queue(MOST_WAITING)
        self._mailboxes.add(mailbox)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())
        try:
            yield mailbox
        finally:
            self._mailboxes.discard(mailbox)
            if not self._mailboxes and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _follow(self) -> None:
        before: WatchedState | None = None
        while True:
            try:
                after = await self._look()
            except Exception as error:  # for example, the database is away: the next look tries again
                self._has_failed = True
                log.warning("changes not followed", error=str(error))
            else:
                self._has_failed = False
                self._tell(news_between(before or after, after))
                before = after
            await asyncio.sleep(self._tick_s)

    def _tell(self, news: list[News]) -> None:
        for mailbox in self._mailboxes:
            for piece in news:
                if not mailbox.full():
                    mailbox.put_nowait(piece)


async def _look_in_database_thread() -> WatchedState:
    return await in_database_thread(look)


follower = Follower(_look_in_database_thread)
