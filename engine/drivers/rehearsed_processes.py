"""The server processes of a rehearsal. Those that share no state know nothing of each other: each has breakers, limits,
latencies and conversations of its own. Those that share it are as good as one, but each counts failures by itself, and
has a retry budget of its own."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from engine.core.first_asks import FirstAsks
from engine.core.state import Budget, Group, Target
from engine.drivers.compiling import compiled_together
from engine.drivers.fleet_breaker import FleetBreaker
from engine.drivers.rehearsed_conversations import Talks
from engine.rehearsal.called_names import Called
from engine.rehearsal.clients import ClientRetries
from engine.rehearsal.jobs import Job
from engine.rehearsal.turns import PromptCaches


class RehearsedProcess:
    """One of them: its groups, of which `group` is rehearsed; `first_asks` are for whole answers and for streams."""

    __slots__ = ("first_asks", "group", "groups", "talks")

    def __init__(self, groups: dict[str, Group], name: str, rng: Random, caches: PromptCaches | None) -> None:
        self.groups, self.group = groups, groups[name]
        self.first_asks = tuple(FirstAsks(self.group, rng, is_stream=kind) for kind in (False, True))
        self.talks = None if caches is None else Talks(self.group, caches)


class RehearsedProcesses:
    """All of a run. Where they share their state, one stands for all."""

    def __init__(self, job: Job, rng: Random, caches: PromptCaches | None) -> None:
        count = 1 if job.shared_state else job.workers
        name = job.spec.name
        self.all = tuple(RehearsedProcess(compiled_together(job.specs), name, rng, caches) for _ in range(count))
        self.lone = self.all[0] if count == 1 else None
        self._rng = Random(f"{job.seed}:processes")  # noqa: S311  # no secret is drawn from it
        self._of_client: dict[ClientRetries, RehearsedProcess] = {}
        self._by_group = {id(one.group): one for one in self.all}
        if job.shared_state and job.workers > 1:
            self._count_apart(job.workers)

    def _count_apart(self, count: int) -> None:
        """Gives each deployment a breaker to which so many processes count by themselves, and each provider the repeats
        of all of them."""
        healths = [target.health for group in self.all[0].groups.values() for target in group.targets()]
        for health in {health.key: health for health in healths}.values():
            health.breaker = FleetBreaker(health.breaker.policy, count, self._rng)
        for provider in {id(health.provider): health.provider for health in healths}.values():
            provider.budget = Budget(provider.budget.share, count)

    def of(self, client: ClientRetries | None) -> RehearsedProcess:
        """The one that gets a request: a client keeps its connection, other requests go anywhere."""
        if client is None:
            return self.all[int(self._rng.random() * len(self.all))]
        if (known := self._of_client.get(client)) is None:
            known = self._of_client[client] = self.all[len(self._of_client) % len(self.all)]
        return known

    def of_group(self, group: object) -> RehearsedProcess:
        """The one that has this very group, the rehearsed one."""
        return self._by_group[id(group)]

    def cooldowns_s(self, now: float) -> dict[str, float]:
        """The seconds left of those that cool down, by deployment; of several processes the most."""
        cooldowns = dict[str, float]()
        for target in self.targets():
            left_s = max(target.health.breaker.until_s, target.health.provider.breaker.until_s) - now
            if left_s > cooldowns.get(target.key, 0.0):
                cooldowns[target.key] = left_s
        return cooldowns

    def targets(self) -> Iterator[Target]:
        """All deployments whose breakers are heeded, in each process."""
        groups = (group for one in self.all for group in one.groups.values())
        return (target for group in groups if group.has_breakers for target in group.targets())


class CalledProcesses(RehearsedProcesses):
    """Those of a run whose requests may begin at several groups, the pools of a virtual model: `names`."""

    def __init__(self, job: Job, rng: Random, caches: PromptCaches | None, called: Called) -> None:
        super().__init__(job, rng, caches)
        known = {spec.name for spec in job.specs}
        pools = () if called.virtual is None else (one.pool for one in called.virtual.tiers)
        self.names = tuple(dict.fromkeys((job.spec.name, *(name for name in pools if name in known))))
        self._entries = [
            {
                name: one if name == job.spec.name else RehearsedProcess(one.groups, name, rng, caches)
                for name in self.names
            }
            for one in self.all
        ]
        self._numbers = {id(one): number for number, one in enumerate(self.all)}
        self._by_group = {id(one.group): one for entries in self._entries for one in entries.values()}
        self._only, self.lone = self.lone, None
        self._chosen = self.all[0]

    def choose(self, client: ClientRetries | None, name: str) -> int:
        """The process of the next request, by its number; it begins at this group."""
        number = 0 if self._only is not None else self._numbers[id(super().of(client))]
        self._chosen = self._entries[number][name]
        return number

    def of(self, client: ClientRetries | None) -> RehearsedProcess:
        return self._chosen


def processes_of(job: Job, rng: Random, caches: PromptCaches | None) -> RehearsedProcesses:
    """Those of a run."""
    if job.called is None:
        return RehearsedProcesses(job, rng, caches)
    return CalledProcesses(job, rng, caches, job.called)
