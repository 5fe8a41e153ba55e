"""The server processes that run, and whether they know of each other what routing needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from engine.shared.store import StoreLink
from usage.models import ServerProcess

# How often a process says that it runs; one that has not for so long runs no more.
SAID_EVERY_S = 10.0
RUNS_FOR, KEPT_FOR = timedelta(seconds=3 * SAID_EVERY_S), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Processes:
    """How many processes serve, and how many of them share nothing (`alone`), or nothing for the moment (`away`)."""

    all: int = 0
    alone: int = 0
    away: int = 0

    @property
    def trouble(self) -> str:
        """What is wrong with that, for people; empty when nothing is."""
        if self.alone and self.all > 1:
            share = "share no state" if self.alone == self.all else f"run, and {self.alone} of them share no state"
            return f"{self.all} server processes {share}. {APART} Set REDIS_URL for all of them."
        if self.away:
            who = f"{self.away} of {self.all} server processes" if self.all > 1 else "The server process"
            return f"{who} can't reach Redis at REDIS_URL. {APART}"
        return ""


APART = "Each counts limits and requests in flight by itself, and finds out about failures by itself."


def processes_now() -> Processes:
    """One query."""
    alive = _alive()
    alone, away = Count("pk", filter=Q(link=StoreLink.ALONE)), Count("pk", filter=Q(link=StoreLink.AWAY))
    return Processes(**alive.aggregate(all=Count("pk"), alone=alone, away=away))


def running_processes() -> QuerySet[ServerProcess, UUID]:
    """The ids of those that run, for a subquery."""
    return _alive().values_list("pk", flat=True)


def _alive() -> QuerySet[ServerProcess]:
    return ServerProcess.objects.filter(seen_at__gt=timezone.now() - RUNS_FOR).order_by()


def say_alive(process: UUID, *, link: StoreLink) -> None:
    """This process serves; forgets those that ended long ago."""
    now = timezone.now()
    said = {"link": link.value, "seen_at": now}
    ServerProcess.objects.update_or_create(pk=process, defaults=said, create_defaults={**said, "started_at": now})
    ServerProcess.objects.filter(seen_at__lt=now - KEPT_FOR).delete()


def say_ended(process: UUID) -> None:
    """This process serves no more."""
    ServerProcess.objects.filter(pk=process).delete()
