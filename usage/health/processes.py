"""The server processes that run, and whether they know of each other what routing needs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from engine.shared.store import StoreLink
from usage.models import ServerProcess

# How often a process says that it runs; one that has not for so long runs no more.
SAID_EVERY_S = 10.0
RUNS_FOR, KEPT_FOR = timedelta(seconds=3 * SAID_EVERY_S), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Processes:
    """How many processes run, and how many of them share nothing (`alone`), or nothing for the moment (`away`).

    `refusing` have ENCRYPTION_KEYS that don't read the stored secrets; there are so many different `secrets`.
    """

    all: int = 0
    alone: int = 0
    away: int = 0
    refusing: int = 0
    secrets: int = 0

    @property
    def trouble(self) -> str:
        """What is wrong with that, for people; empty when nothing is."""
        return self.of_secrets or self._of_state

    @property
    def of_secrets(self) -> str:
        """The same, about the secrets that all must share."""
        if self.refusing:
            who = f"{self.refusing} of {self.all} server processes" if self.all > 1 else "The server process"
            return f"{who} can't read the stored API keys and serves nothing. {GIVE_BACK}"
        return (
            f"{self.all} server processes have {self.secrets} different sets of secrets. {SHARE}"
            if self.secrets > 1
            else ""
        )

    @property
    def _of_state(self) -> str:
        if self.alone and self.all > 1:
            share = "share no state" if self.alone == self.all else f"run, and {self.alone} of them share no state"
            return f"{self.all} server processes {share}. {APART} Set REDIS_URL for all of them."
        if self.away:
            who = f"{self.away} of {self.all} server processes" if self.all > 1 else "The server process"
            return f"{who} can't reach Redis at REDIS_URL. {APART}"
        return ""


GIVE_BACK = "Give it the ENCRYPTION_KEYS of the others, or put the old key back; its log says more."
SHARE = (
    "Set the same SECRET_KEY and ROUTING_CONSOLE_MASTER_KEY for all of them: sessions, the master key and what they "
    "share in Redis depend on it."
)
APART = "Each counts limits and requests in flight by itself, and finds out about failures by itself."


def processes_now() -> Processes:
    """One query."""
    alive = _alive()
    alone, away = Count("pk", filter=Q(link=StoreLink.ALONE)), Count("pk", filter=Q(link=StoreLink.AWAY))
    refusing = Count("pk", filter=Q(reads_keys=False))
    secrets = Count("secrets", distinct=True, filter=~Q(secrets=""))
    found = alive.aggregate(all=Count("pk"), alone=alone, away=away, refusing=refusing, secrets=secrets)
    return Processes(**found)


def running_processes() -> QuerySet[ServerProcess, UUID]:
    """The ids of those that run, for a subquery."""
    return _alive().values_list("pk", flat=True)


def _alive() -> QuerySet[ServerProcess]:
    return ServerProcess.objects.filter(seen_at__gt=timezone.now() - RUNS_FOR).order_by()


def say_alive(process: UUID, *, link: StoreLink, reads_keys: bool = True) -> None:
    """This process runs; forgets those that ended long ago."""
    now = timezone.now()
    said = {"link": link.value, "seen_at": now, "secrets": shared_secrets(), "reads_keys": reads_keys}
    ServerProcess.objects.update_or_create(pk=process, defaults=said, create_defaults={**said, "started_at": now})
    ServerProcess.objects.filter(seen_at__lt=now - KEPT_FOR).delete()


def shared_secrets() -> str:
    """A digest of the secrets that all processes must share. Slow to make, so that nobody guesses them from it."""
    return _digest(settings.SECRET_KEY, settings.MASTER_KEY)


@cache
def _digest(*secrets: str) -> str:
    text = "\0".join(secrets).encode()
    return hashlib.scrypt(text, salt=b"routing-console server processes", n=2**13, r=8, p=1, dklen=16).hex()


def say_ended(process: UUID) -> None:
    """This process serves no more."""
    ServerProcess.objects.filter(pk=process).delete()
