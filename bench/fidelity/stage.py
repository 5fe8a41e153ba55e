"""The processes of the live side, and the groups of all cases in their database."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.fidelity.cases import Case
from tests.databases import own_database
from tests.servers import ROOT, Console, console_beside, environment, free_port, stop
from tests.services import valkey

# What to call the upstream by that always takes the same time.
EVEN, EVEN_MS = "even/even", 50.0


@dataclass(frozen=True)
class Built:
    """A case's group in the console, and its models by the names of their places."""

    group: str
    group_id: str
    models: dict[str, str]
    addresses: dict[str, str]  # what to call a model by alone


@dataclass
class World:
    """The process of the upstreams."""

    url: str

    def put(self, place: str, described: dict[str, Any]) -> None:
        """Makes a place."""
        self._send("PUT", f"/places/{place}", described)

    def begin(self, places: Sequence[str]) -> None:
        """Starts their clocks."""
        self._send("POST", "/begin", list(places))

    def is_up(self) -> bool:
        """Whether it answers."""
        with suppress(OSError):
            self._send("GET", "/")
            return True
        return False

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


@dataclass
class Stage:
    """A folder with one database, which processes of the console come and go over."""

    folder: Path
    world: World
    settled: Console = field(repr=False)  # never run: it has the settings that all processes share

    @contextmanager
    def processes(self, count: int = 1, *, redis: str = "") -> Iterator[list[Console]]:
        """So many fresh ones: what those before knew of the upstreams is gone."""
        settings = {"REDIS_URL": redis, "REHEARSAL_SEEDS": "10"}
        with ExitStack() as stack:
            waiting = [console_beside(self.settled, self.folder, **settings) for _ in range(count)]
            with ThreadPoolExecutor(count) as pool:
                found = list(pool.map(stack.enter_context, waiting))
            for ours in found:
                ours.catch_up()
            yield found

    @contextmanager
    def serving(self, case: Case) -> Iterator[list[Console]]:
        """The processes that a case is about; together means over a Valkey of their own."""
        with ExitStack() as stack:
            redis = stack.enter_context(valkey()) if case.is_shared else ""
            yield stack.enter_context(self.processes(case.processes, redis=redis))

    def build_even(self, ours: Console) -> None:
        """An upstream that always takes EVEN_MS, once for all cases."""
        self.world.put("even", {"first_ms": EVEN_MS, "spread": 0, "write_ms": 0, "uneven": 0})
        _model(ours, "even", f"{self.world.url}/even/v1", {})

    def build(self, ours: Console, case: Case) -> Built:
        """The places, models and groups of a case."""
        models, addresses = {}, {}
        for place in case.places:
            name = f"{case.slug}-{place.name}"
            self.world.put(name, case.world_of(place))
            models[place.name] = _model(ours, name, f"{self.world.url}/{name}/v1", place.model)
            addresses[place.name] = f"{name}/{name}"
        renamed = {kind: [f"{case.slug}-{name}" for name in names] for kind, names in case.fallback.items()}
        for spare in {place.group for place in case.places} - {""}:
            _group(ours, f"{case.slug}-{spare}", spare, case, models, {})
        group_id = _group(ours, case.slug, "", case, models, renamed)
        return Built(case.slug, group_id, models, addresses)


def places_of(case: Case) -> list[str]:
    """The names of its places in the world."""
    return [f"{case.slug}-{place.name}" for place in case.places]


def _model(ours: Console, name: str, address: str, entry: dict[str, Any]) -> str:
    row = {"name": name, "type": "custom", "api_key": f"sk-{secrets.token_hex(8)}", "api_base": address}
    provider = ours.call("POST", "/api/v1/llm/providers", row)["provider"]["id"]
    made = ours.call("POST", "/api/v1/llm/models", {"provider": provider, "model_name": name, **entry})
    return str(made["model"]["id"])


def _group(
    ours: Console, name: str, which: str, case: Case, models: dict[str, str], fallback: dict[str, list[str]]
) -> str:
    rows = [{"model_id": models[place.name], **place.row} for place in case.places if place.group == which]
    config = {
        "routing_group_name": name,
        "routing_strategy": case.strategy,
        "deployments": rows,
        "retry_config": case.retry,
        "cooldown_config": case.cooldown,
        "fallback_config": fallback,
        "settings": case.settings,
    }
    return str(ours.call("POST", "/v1/routing_group", config)["routing_group_id"])


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """The world, and a migrated database."""
    with _world(folder) as world, own_database(folder) as database:
        env = {**environment(folder, database), "REDIS_URL": ""}
        nobody = Console("", subprocess.Popen(["true"]), folder / "none.log", env)
        nobody.process.wait()
        yield Stage(folder, world, nobody)


@contextmanager
def _world(folder: Path) -> Iterator[World]:
    """Not forked from our fork server, which has imported the engine: a fresh interpreter."""
    port = free_port()
    command = [sys.executable, "-m", "bench.fidelity.upstream", str(port)]
    with (folder / "upstream.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=log, stderr=log)
    world = World(f"http://127.0.0.1:{port}")
    try:
        _wait_for(world, process)
        yield world
    finally:
        stop(process)


def _wait_for(world: World, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):
        if world.is_up():
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise SystemExit("The upstreams did not start.")
