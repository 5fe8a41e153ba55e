"""The routers of this process: loaded at start, then following the configuration version in the database.

Polling one number three times a second needs only the database, notices changes of any process (another server, a
management command) and serves them within a second.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError

from access import credits
from access.byok.keys import all_own_keys
from access.keys import PREFIX, KeyHolder, all_holders, hash_key
from access.throttling import failed_keys
from engine.core.state import Trip
from engine.routing import LiveGroup, Routing
from engine.shared.local import LocalStore
from engine.shared.store import StateStore
from engine.spec import DeploymentSpec, GroupSpec, OwnKey
from engine.upstreams.connections import close_session
from engine.virtual import VirtualSpec
from gateway.admission.rate_limits import RateLimits
from gateway.background.alert_loop import ChannelSender, WebhookSender, watch
from gateway.background.cooldown_publisher import CooldownPublisher
from gateway.background.database_thread import in_database_thread
from gateway.background.measuring import Measuring
from gateway.background.page_follower import follow_status_pages
from gateway.background.periodic import run_every
from gateway.background.presence import Presence
from gateway.background.probing import Prober
from gateway.background.rankings import Rankings
from gateway.background.shared_store import shared_store
from gateway.background.standby_prover import StandbyProver
from gateway.doors.model_facts import Facts, read_facts
from gateway.keeping.keeper import Keeper
from gateway.tracing import switch as tracing
from groups.models import RoutingGroup, RoutingRules
from groups.routing_rules.alias_targets import resolved
from groups.routing_rules.chain import spec_with_chain
from groups.specs import active_specs, callable_models
from groups.virtual.specs import active_virtual_specs
from providers import config_version
from providers.exceptions import WrongEncryptionKeys
from providers.models import LanguageModel
from providers.secrets import check_encryption_keys
from usage.health import standby_proofs
from usage.health.tripping import current_trips
from usage.request_log.recorder import FLUSH_INTERVAL_S, recorder
from usage.request_log.retention import purge

log = structlog.get_logger(__name__)

POLL_INTERVAL_S = 0.3
GIVE_BACK_INTERVAL_S = 60.0
ABANDONED_AFTER_S = 300.0
PURGE_INTERVAL_S = 600.0
LOADS_AT_MOST = 5
MEETS_WITHIN_S = 2.0
# Rarer than Python's own 700, 10, 10: looking for cycles among the short-lived objects of requests and the log found
# almost none and took a tenth of the throughput.
GC_THRESHOLDS = (50_000, 20, 50)
T = TypeVar("T")
InDatabaseThread = Callable[[Callable[[], T]], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the gateway reads from the database, at one version."""

    version: int
    specs: tuple[GroupSpec, ...]
    holders: dict[str, KeyHolder]
    models: dict[str, UUID]
    assignments: dict[str, frozenset[str]]
    virtual: dict[str, VirtualSpec] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    own_keys: dict[int, dict[str, OwnKey]] = field(default_factory=dict)
    trips: dict[str, Trip] = field(default_factory=dict)


def load_config() -> Config:
    """Reads everything, again if something changed in the meantime: a renamed group must fit its virtual models.

    If changes are too frequent for that, the version is one that the next look finds outdated. Raises
    WrongEncryptionKeys.
    """
    check_encryption_keys()
    for _ in range(LOADS_AT_MOST):
        config = _read()
        if config.version == config_version.current():
            break
    return config


def _read() -> Config:
    """The version first, so that a change during the read is noticed."""
    version = config_version.current()
    assigned = RoutingGroup.objects.routable().values_list("name", "assigned_team_ids", "assigned_key_ids")
    return Config(
        version=version,
        specs=tuple(active_specs()),
        holders=all_holders(),
        models=callable_models(),
        assignments={name: frozenset(map(str, [*teams, *keys])) for name, teams, keys in assigned if teams or keys},
        virtual={spec.name: spec for spec in active_virtual_specs()},
        aliases=resolved(RoutingRules.objects.current().model_aliases),
        own_keys=all_own_keys(),
        trips=current_trips(),
    )


def _lone_spec(model_id: UUID) -> GroupSpec | None:
    model = LanguageModel.objects.select_related("provider__key").filter(pk=model_id).first()
    return spec_with_chain(model) if model else None


class Live:
    """The gateway's state on one event loop."""

    def __init__(self, in_database_thread: InDatabaseThread[Any], store: StateStore | None = None) -> None:
        self.store = store or LocalStore()
        self.routing = Routing(store=self.store)
        self.config = Config(version=-1, specs=(), holders={}, models={}, assignments={})
        self._in_database_thread = in_database_thread
        self.publisher = CooldownPublisher(self.routing, in_database_thread)
        self.presence = Presence(self.publisher.process, self.store, in_database_thread)
        self.rankings = Rankings(in_database_thread)
        self.measuring = Measuring(self)
        self.in_flight, self.refreshed_s = 0, time.time()
        self.rate_limits = RateLimits(settings.REDIS_URL, when_away=settings.RATE_LIMITS_WITHOUT_REDIS)
        self.stored = Keeper()
        self.refusal = ""
        self._lone: dict[str, UUID] = {}
        self._facts = -1, Facts()
        self._refreshing = asyncio.Lock()
        self._first_load_ended = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Loads the active groups; then follows changes, writes the log and probes providers in the background."""
        # What has been imported stays for good: every request in flight would wait while a full collection looks
        # through it.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        try:
            await self.refresh()
        except Exception as error:  # the server must start while its database is away, and /readyz says so
            log.error("configuration not loaded yet", error=str(error))
        finally:
            self._first_load_ended.set()
        await asyncio.to_thread(tracing.start)
        self._tasks = [asyncio.create_task(self.store.run())]
        await self._meet_others()
        prober = Prober(self._in_database_thread, interval_s=settings.PROBE_INTERVAL_S)
        proving = StandbyProver(self, standby_proofs.interval_s()).run()
        courier = WebhookSender(self._in_database_thread)
        channels = ChannelSender(self._in_database_thread)
        work = (
            *(self._follow(), recorder.run(), self.publisher.run(), self.presence.run()),
            *(
                self.rankings.run(),
                prober.run(),
                proving,
                watch(),
                courier.run(),
                channels.run(),
                self._give_back(),
                _purge(),
            ),
            follow_status_pages(interval_s=settings.STATUS_PAGES_INTERVAL_S),
            *(self.measuring.run(), self.measuring.listen()),
        )
        self._tasks += [asyncio.create_task(endless) for endless in work]

    async def stop(self) -> None:
        """Ends the background work and writes what is queued."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(DatabaseError):
            await self.presence.end()
        await self.stored.stop()
        self.rate_limits.stop()
        await asyncio.to_thread(recorder.flush)
        await self.measuring.stop()
        await asyncio.to_thread(tracing.stop)
        await close_session()

    async def refresh(self) -> None:
        """Serves the newest configuration; returns at once when nothing has changed."""
        async with self._refreshing:
            version = await self._in_database_thread(config_version.current)
            if version != self.config.version:
                await self._apply(await self._loaded())
                await self.rankings.renew()
                await self.publisher.follow_resets()
            self.refreshed_s = time.time()

    async def _loaded(self) -> Config:
        """Nothing is served, not even what is in memory, with other ENCRYPTION_KEYS than those of the database: changes
        would never arrive, such as a key that is revoked."""
        try:
            config: Config = await self._in_database_thread(load_config)
        except WrongEncryptionKeys as error:
            if not self.refusal:
                log.error("nothing is served", error=str(error))
            self.refusal, self.presence.reads_keys = str(error), False
            raise
        self.refusal, self.presence.reads_keys = "", True
        return config

    async def read(self, work: Callable[[], T]) -> T:
        """What is not in memory, from the database; raises DatabaseError."""
        found: T = await self._in_database_thread(work)
        return found

    async def deployment(self, deployment_id: str) -> DeploymentSpec | None:
        """A deployment of the catalog, in whichever groups it is; None if it is not there any more."""
        rows = (row for group in self.routing for row in group.spec.deployments)
        if (known := next((row for row in rows if row.deployment_id == deployment_id), None)) is not None:
            return known
        model_id = next((one for one in self.config.models.values() if str(one) == deployment_id), None)
        spec = await self.read(partial(_lone_spec, model_id)) if model_id else None
        return next((row for row in spec.deployments if row.deployment_id == deployment_id), None) if spec else None

    async def facts(self) -> Facts:
        """What clients are told of models; read once per configuration. The last one while the database is away."""
        if self._facts[0] != (version := self.config.version):
            with suppress(DatabaseError, OSError):
                self._facts = version, await self._in_database_thread(read_facts)
        return self._facts[1]

    @property
    def is_loaded(self) -> bool:
        """Whether there is a configuration to serve, even an old one."""
        return self.config.version >= 0 and not self.refusal

    async def is_loaded_within(self, seconds: float) -> bool:
        """The same, after waiting up to `seconds` for the first load."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._first_load_ended.wait()
        return self.is_loaded

    def knows(self, key: str) -> bool:
        """Whether this key is in memory."""
        return hash_key(key) in self.config.holders

    async def holder(self, key: str) -> KeyHolder | None:
        """The holder of a bearer key, from memory; an unknown key may be new, so it is looked up."""
        hashed = hash_key(key)
        if hashed not in self.config.holders and key.startswith(PREFIX):
            await self.refresh()
        holder = self.config.holders.get(hashed)
        return None if holder is None or holder.is_expired else holder

    def own_keys_of(self, holder: KeyHolder) -> Mapping[str, OwnKey]:
        """The own keys of a person, for requests with a personal key; none for a team's key."""
        if holder.user_id is None or holder.team_id:
            return {}
        return self.config.own_keys.get(holder.user_id, {})

    async def hold(self, *, account_id: int, call_id: str, amount_nanousd: int) -> None:
        """Holds credits; raises OutOfCredits or CapReached."""
        hold = partial(credits.hold, account_id=account_id, call_id=call_id, amount_nanousd=amount_nanousd)
        await self._in_database_thread(hold)

    async def resolve_alias(self, name: str) -> str:
        """The name behind an alias, else the name itself; an unknown name may be new, so it is looked up."""
        known = (self.config.aliases, self.config.virtual, self.config.models, self.rankings)
        if self.routing.get(name) is None and not any(name in names for names in known):
            await self.refresh()
        return self.config.aliases.get(name, name)

    async def find(self, name: str) -> LiveGroup | None:
        """The group of this name, or the lone model `provider/model` of the catalog (built on first use)."""
        if self.routing.get(name) is None and name not in self.config.models:
            await self.refresh()  # it may have been made a moment ago
        group = self.routing.get(name)
        if group is None and (model_id := self.config.models.get(name)) is not None:
            spec = await self._in_database_thread(partial(_lone_spec, model_id))
            if spec is not None:
                self._lone[name] = model_id
                await self.routing.put(spec)
                group = self.routing.get(name)
        return group

    async def _apply(self, config: Config) -> None:
        self.routing.trip(config.trips)
        wanted = {spec.name: spec for spec in config.specs}
        for name in self._lone.keys() & config.models.keys() - wanted.keys():
            model_id = config.models[name]
            if (spec := await self._in_database_thread(partial(_lone_spec, model_id))) is not None:
                wanted[name] = spec
        self._lone = {
            name: model_id for name, model_id in config.models.items() if name in wanted and name in self._lone
        }
        for spec in wanted.values():
            current = self.routing.get(spec.name)
            if current is None or current.spec != spec:
                await self.routing.put(spec)
        # Only now, and without an await: before this, a virtual model may still lead to a pool by its old name.
        self.config = config
        for group in [g for g in self.routing if g.spec.name not in wanted]:
            self.routing.remove(group.spec.name)

    async def _meet_others(self) -> None:
        """Waits for the store, so that this process knows which breakers are open; not for long if it is away."""
        with suppress(TimeoutError):
            async with asyncio.timeout(MEETS_WITHIN_S):
                await self.store.met()

    async def _follow(self) -> None:
        await run_every(self.refresh, every_s=POLL_INTERVAL_S, failing="configuration not refreshed")

    async def _give_back(self) -> None:
        """Releases the credits that dead processes held: no request runs that long."""
        age = timedelta(seconds=settings.REQUEST_DEADLINE_S + ABANDONED_AFTER_S)
        work = partial(self._in_database_thread, partial(credits.give_back_abandoned, older_than=age))
        await run_every(work, every_s=GIVE_BACK_INTERVAL_S, failing="held credits not given back yet")


async def _purge() -> None:
    """Deletes old rows until cancelled, soon after the start too: a server may never run for ten minutes."""
    work, first_s = partial(asyncio.to_thread, purge), FLUSH_INTERVAL_S
    await run_every(work, every_s=PURGE_INTERVAL_S, first_s=first_s, failing="old requests not deleted")


_live: Live | None = None
_loop: asyncio.AbstractEventLoop | None = None


async def start() -> Live:
    """The Live of this process; started once, on the server's own event loop."""
    global _live, _loop
    if _live is None or _loop is not asyncio.get_running_loop():
        live = Live(in_database_thread, shared_store())
        failed_keys.knows = lambda hashed: hashed in live.config.holders
        _live, _loop = live, asyncio.get_running_loop()
        await _live.start()
    return _live


def is_idle() -> bool:
    """Whether no request is under way in this process."""
    return _live is None or not _live.in_flight


async def publish_breakers() -> None:
    """Writes now which breakers of this process are open; nothing on another loop than the server's."""
    if _live is not None and _loop is asyncio.get_running_loop():
        await _live.publisher.publish()


async def stop() -> None:
    """Ends what `start` began."""
    global _live
    if _live is not None:
        live, _live = _live, None
        await live.stop()
        await in_database_thread.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Live]:
    """The Live of this process, or a temporary one on another loop (a command, a test)."""
    if _live is not None and _loop is asyncio.get_running_loop():
        await _live.refresh()
        yield _live
        return
    live = Live(lambda work: sync_to_async(work, thread_sensitive=True)())
    await live.refresh()
    try:
        yield live
    finally:
        await close_session()
