"""A case of the table on the gateway: a real server, real sockets, many cases at once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.conduct.stories import Told
from tests.conduct.table import Act, Place, Seen, Shape, acts, places, said, woven
from tests.conduct.upstream import Upstreams, events
from tests.servers import MASTER_KEY, Console, free_port

HI = [{"role": "user", "content": "hi"}]
TIME_LIMIT_S = 100.0
# As many cases at once as two cores can serve without making each other late.
AT_ONCE = 8
MINUTE_S, SHORTEST_S = 60.0, 10.0
PAGE = 200
ANSWERS = [Act("200", times=None)]


@dataclass(frozen=True)
class Answered:
    """One request as its client saw it."""

    answer: httpx.Response
    seconds: float

    @property
    def is_good(self) -> bool:
        return self.answer.status_code == 200 and "error" not in self.answer.text


class Case:
    """One case's upstreams, deployments and groups, all of its own."""

    def __init__(self, live: Live, number: int, shape: Shape, upstreams: str) -> None:
        self.name = f"{number}"
        self.live, self.shape, self._acts = live, shape, acts(upstreams)

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Its part of a file for the import."""
        found = {place.name: place for tiers in self.shape.groups.values() for place in places(tiers)}
        keys = {place.key: place for place in reversed(found.values())}
        for name in found:
            self.live.upstreams.add(self.name, name, self._acts.get(name, ANSWERS))
        return {
            "providers": [self._provider(place) for place in keys.values()],
            "models": [{"provider": self._key(place), "name": place.name} for place in found.values()],
            "routing_groups": [self._group(name, places(tiers)) for name, tiers in self.shape.groups.items()],
        }

    def _key(self, place: Place) -> str:
        return f"Conduct {self.name} {place.key}"

    def _provider(self, place: Place) -> dict[str, Any]:
        acts_here = self._acts.get(place.name, ANSWERS)
        address = self.live.upstreams.address(f"{self.name}/{place.key}")
        if acts_here[0].word == "refused":
            address = f"http://127.0.0.1:{free_port()}/v1"
        return {"name": self._key(place), "type": "custom", "api_base": address}

    def _group(self, name: str, rows: Iterable[Place]) -> dict[str, Any]:
        shape = self.shape
        return {
            "routing_group_name": f"conduct-{self.name}-{name}",
            "routing_strategy": shape.strategy,
            "deployments": [{"provider": self._key(p), "model_name": p.name, **_settings(shape, p)} for p in rows],
            "retry_config": _retry_config(shape),
            "cooldown_config": _known({"cooldown_time_s": shape.cooldown_s, "allowed_fails": shape.allowed_fails}),
            "fallback_config": self._fallbacks() if name == "main" else {},
        }

    def _fallbacks(self) -> dict[str, list[str]]:
        keys = {"general": "fallback_groups", "context": "context_window_groups", "content": "content_policy_groups"}
        names = [name for name in self.shape.groups if name != "main"]
        return {key: [f"conduct-{self.name}-{n}" for n in names if n.startswith(kind)] for kind, key in keys.items()}

    async def ask(self, *, is_stream: bool = False, group: str = "main") -> Answered:
        """One request of a client."""
        body = {"model": f"conduct-{self.name}-{group}", "messages": HI, "stream": is_stream}
        began = time.monotonic()
        answer = await self.live.client.post("/v1/chat/completions", json=body)
        return Answered(answer, time.monotonic() - began)

    async def seen(self, asked: Answered) -> Seen:
        """A request in the words of the table."""
        headers = asked.answer.headers
        path = f"/v1/requests/{headers['x-litellm-call-id']}/attempts"
        found = (await self.live.client.get(path)).json()
        attempts = [f"{self._letter(a)} {said(a['status_code'], a['error_class'])}" for a in found["attempts"]]
        where = [(a["model_group"], a["tier"]) for a in found["attempts"]]
        skips = [skip for skip in found["skipped"] if skip["reason"] != "not_needed"]
        return Seen(
            _sees(asked.answer),
            woven(attempts, where),
            [(f"{self._letter(skip)} {skip['reason']}", skip.get("for_s")) for skip in skips],
            int(headers["x-litellm-attempted-retries"]),
            int(headers["x-litellm-attempted-fallbacks"]),
            int(headers.get("x-routing-skipped", 0)),
            int(headers["retry-after"]) if "retry-after" in headers else None,
            headers.get("x-should-retry") == "false",
            asked.seconds,
        )

    def told(self, asked: Answered, at_s: float) -> Told:
        """A request in the words of a story."""
        by = self.live.letters[asked.answer.headers["x-litellm-model-id"]] if asked.is_good else ""
        return Told(at_s, by, asked.seconds)

    def _letter(self, row: dict[str, Any]) -> str:
        return self.live.letters[row["deployment_id"]]

    async def ready(self) -> None:
        """Waits until the server knows its group."""
        for _ in range(200):
            listed = (await self.live.client.get("/v1/models")).json()["data"]
            if any(row["id"] == f"conduct-{self.name}-main" for row in listed):
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the server does not know the groups of the import")

    async def begin(self) -> None:
        """The clock of its upstreams starts; where limits a minute count, not shortly before a minute's end."""
        left_s = MINUTE_S - time.monotonic() % MINUTE_S
        if left_s < SHORTEST_S and any("!" in tiers for tiers in self.shape.groups.values()):
            await asyncio.sleep(left_s)
        self.live.upstreams.begin(self.name)

    @property
    def counts(self) -> dict[str, int]:
        """How often each upstream was asked."""
        return {name: self.live.upstreams.asked[self.name, name] for name in self.shape.names}


class Live:
    """The server and its upstreams."""

    def __init__(self, console: Console, upstreams: Upstreams) -> None:
        self.console, self.upstreams = console, upstreams
        self.letters: dict[str, str] = {}  # the names of deployments, by their ids
        self.client: httpx.AsyncClient
        self._rest = httpx.Client(base_url=console.url, headers=_headers(), timeout=TIME_LIMIT_S)

    def build(self, cases: Iterable[Case]) -> None:
        """Providers, models and groups of all cases, in one import: each change of one makes the server read all."""
        content: dict[str, list[dict[str, Any]]] = {"providers": [], "models": [], "routing_groups": []}
        for case in cases:
            for kind, rows in case.rows().items():
                content[kind] += rows
        file = {"format": "json", "content": json.dumps(content), "dry_run": False}
        report = self._call("POST", "/v1/routing_group/import", file)
        assert len([line for line in report["created"] if line["kind"] == "group"]) == len(content["routing_groups"])
        for page in range(1, len(content["routing_groups"]) // PAGE + 2):
            found = self._call("GET", f"/v1/routing_group?page={page}&size={PAGE}")["routing_groups"]
            rows = [row for group in found for row in group["deployments"]]
            self.letters |= {row["model_id"]: row["model_name"] for row in rows}

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._rest.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def __aenter__(self) -> Live:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        url, headers = self.console.url, _headers()
        self.client = httpx.AsyncClient(base_url=url, headers=headers, timeout=TIME_LIMIT_S, limits=limits)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()
        self._rest.close()


def _headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {MASTER_KEY}"}


def _settings(shape: Shape, place: Place) -> dict[str, Any]:
    priority = place.tier if shape.strategy == "priority-failover" else None
    return _known({"rpm": place.rpm, "weight": place.weight, "priority": priority})


def _retry_config(shape: Shape) -> dict[str, Any]:
    return _known(
        {
            "num_retries": shape.retries,
            "max_fallbacks": shape.moves,
            "timeout_s": shape.timeout_s,
            "first_token_timeout_s": shape.first_token_s,
            "stream_idle_timeout_s": shape.idle_s,
        }
    )


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _sees(answer: httpx.Response) -> str:
    if answer.status_code != 200:
        return f"{answer.status_code} {answer.json()['error']['code'] or ''}".strip()
    if "event-stream" in answer.headers["content-type"]:
        return "200 broken" if any("error" in event for event in events(answer.text)) else "200"
    return "200"


async def gather(works: list[Any], at_once: int = AT_ONCE) -> list[Any]:
    """All of them, few at once; an error is a result."""
    slots = asyncio.Semaphore(at_once)

    async def one(work: Any) -> Any:
        async with slots:
            return await work

    return await asyncio.gather(*(one(work) for work in works), return_exceptions=True)
