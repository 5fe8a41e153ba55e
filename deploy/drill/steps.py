"""What fails in the drill, one after the other. Each step ends when everything works again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from deploy.drill.drill_table import Struck
from deploy.drill.installation import Installation, Program

# Between a step and the next: requests that began in it are answered by then, as a rule.
PAUSE_S = 2.0


@dataclass
class Blow:
    """What a step does to an installation, for how long, and what it notes."""

    on: Installation
    hold_s: float
    kills: list[tuple[float, float]] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)

    def kill(self, part: Program) -> None:
        told = time.time()
        part.kill()
        self.kills.append((told, time.time()))

    def hold(self) -> None:
        time.sleep(self.hold_s)

    def restart(self, number: int) -> None:
        """One worker, as a service manager restarts one that has ended."""
        worker = self.on.workers[number]
        worker.start()
        self.back_s.append(worker.until_ready())

    def until_whole(self) -> None:
        """Until every worker reaches database and Valkey again."""
        begun = time.monotonic()
        for worker in self.on.workers:
            worker.until_ready("/readyz/console")
        self.back_s.append(time.monotonic() - begun)


def nothing(blow: Blow) -> None:
    blow.hold()


def worker_ends(blow: Blow) -> None:
    blow.on.workers[0].end()
    blow.restart(0)


def worker_killed(blow: Blow) -> None:
    blow.kill(blow.on.workers[1])
    blow.restart(1)


def rolling_restart(blow: Blow) -> None:
    for number, worker in enumerate(blow.on.workers):
        worker.end()
        blow.restart(number)


def log_writers_killed(blow: Blow) -> None:
    """The process of each worker that writes its log; the worker goes on."""
    for worker in blow.on.workers:
        for pid in worker.children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    blow.hold()


def database_stopped(blow: Blow) -> None:
    blow.on.postgres.stop()
    blow.hold()
    blow.on.postgres.start_again()
    blow.until_whole()


def database_frozen(blow: Blow) -> None:
    blow.on.postgres.freeze()
    blow.hold()
    blow.on.postgres.thaw()
    blow.until_whole()


def killed_without_database(blow: Blow) -> None:
    """A worker is killed while the log has nowhere to go but its disk."""
    blow.on.postgres.stop()
    blow.hold()
    blow.kill(blow.on.workers[2])
    blow.on.workers[2].start()
    blow.on.postgres.start_again()
    blow.back_s.append(blow.on.workers[2].until_ready())
    blow.until_whole()


def valkey_stopped(blow: Blow) -> None:
    blow.on.valkey.kill()
    blow.hold()
    blow.on.valkey.start()
    blow.until_whole()


def valkey_frozen(blow: Blow) -> None:
    blow.on.valkey.tell(signal.SIGSTOP)
    blow.hold()
    blow.on.valkey.tell(signal.SIGCONT)
    blow.until_whole()


def primary_killed(blow: Blow) -> None:
    """With answers half said: they are finished by the standby."""
    blow.on.primary.kill()
    blow.hold()
    blow.on.primary.start()


def primary_frozen(blow: Blow) -> None:
    """It takes requests and says nothing."""
    blow.on.primary.tell(signal.SIGSTOP)
    blow.hold()
    blow.on.primary.tell(signal.SIGCONT)


STEPS: dict[str, Callable[[Blow], None]] = {
    "nothing fails": nothing,
    "a worker ends (SIGTERM)": worker_ends,
    "a worker is killed (SIGKILL)": worker_killed,
    "all workers restart, one by one": rolling_restart,
    "the log's writers are killed": log_writers_killed,
    "PostgreSQL is stopped": database_stopped,
    "PostgreSQL is frozen": database_frozen,
    "a worker is killed while PostgreSQL is stopped": killed_without_database,
    "Valkey is killed": valkey_stopped,
    "Valkey is frozen": valkey_frozen,
    "the primary's provider is killed": primary_killed,
    "the primary's provider is frozen": primary_frozen,
}


def strike(name: str, on: Installation, hold_s: float) -> Struck:
    """One step, from its beginning until everything works again."""
    blow, begun = Blow(on, hold_s), time.time()
    time.sleep(PAUSE_S)
    STEPS[name](blow)
    time.sleep(PAUSE_S)
    return Struck(name, begun, time.time(), tuple(blow.kills), tuple(blow.back_s))
