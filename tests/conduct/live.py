"""A case of the table on the gateway, and what its client sees: all on one loop whose clock jumps over waits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx

from groups.models import Deployment
from tests.conduct.doors import ASKED, PATHS, TOOLS, has_broken, is_whole
from tests.conduct.stories import Told
from tests.conduct.table import Act, Place, Seen, Shape, acts, marks_of, places, said, woven
from tests.conduct.upstream import Upstreams, events
from tests.factories import make_group, make_model, make_provider
from tests.servers import MASTER_KEY, free_port

TIME_LIMIT_S = 100.0
MINUTE_S = 60.0
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

    def store(self) -> None:
        """Its rows in the database, and its upstreams."""
        found = {place.name: place for tiers in self.shape.groups.values() for place in places(tiers)}
        keys = {place.key: place for place in reversed(found.values())}
        providers = {key: make_provider(**self._provider(place)) for key, place in keys.items()}
        known = {"capabilities": ["chat", "prefill"]} if self.shape.prefills else {}
        models = {name: make_model(provider=providers[place.key], name=name, **known) for name, place in found.items()}
        for name, model in models.items():
            self.live.upstreams.add(self.name, name, self._acts.get(name, ANSWERS))
            self.live.letters[str(model.id)] = name
        for name, tiers in self.shape.groups.items():
            group = make_group(**self._group(name))
            rows = [Deployment(group=group, model=models[p.name], **_settings(self.shape, p)) for p in places(tiers)]
            Deployment.objects.bulk_create(rows)

    def _provider(self, place: Place) -> dict[str, Any]:
        acts_here = self._acts.get(place.name, ANSWERS)
        address = self.live.upstreams.address(f"{self.name}/{place.key}")
        if acts_here[0].word == "refused":
            address = f"http://127.0.0.1:{free_port()}/v1"
        told = {"name": f"Conduct {self.name} {place.key}", "type": "custom", "api_base": address}
        return {**told, "dialects": [self.shape.door]}

    def _group(self, name: str) -> dict[str, Any]:
        shape = self.shape
        return {
            "name": f"conduct-{self.name}-{name}",
            "strategy": shape.strategy,
            "retry_config": _retry_config(shape),
            "cooldown_config": _known({"cooldown_time_s": shape.cooldown_s, "allowed_fails": shape.allowed_fails}),
            "fallback_config": self._fallbacks() if name == "main" else {},
            "settings": {"rescue": "auto" if shape.rescues else "off", **_hedge(shape)},
        }

    def _fallbacks(self) -> dict[str, list[str]]:
        keys = {"general": "fallback_groups", "context": "context_window_groups", "content": "content_policy_groups"}
        names = [name for name in self.shape.groups if name != "main"]
        return {key: [f"conduct-{self.name}-{n}" for n in names if n.startswith(kind)] for kind, key in keys.items()}

    async def ask(self, *, is_stream: bool = False, group: str = "main") -> Answered:
        """One request of a client."""
        body, shape = {"model": f"conduct-{self.name}-{group}", "stream": is_stream}, self.shape
        body |= ASKED[shape.door] | ({"tools": [TOOLS[shape.door]]} if shape.tools else {})
        now = asyncio.get_running_loop().time
        began = now()
        answer = await self.live.client.post(PATHS[shape.door], json=body)
        return Answered(answer, now() - began)

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
            woven(attempts, where, marks_of(found["attempts"])),
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

    def begin(self) -> None:
        """The clock of its upstreams starts."""
        self.live.upstreams.begin(self.name)

    @property
    def counts(self) -> dict[str, int]:
        """How often each upstream was asked."""
        return {name: self.live.upstreams.asked[self.name, name] for name in self.shape.names}


class Live:
    """The gateway at `url`, its upstreams and its client."""

    def __init__(self, url: str, upstreams: Upstreams) -> None:
        self.upstreams = upstreams
        self.letters: dict[str, str] = {}  # the names of deployments, by their ids
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=16)
        self.client = httpx.AsyncClient(base_url=url, headers=_headers(), timeout=TIME_LIMIT_S, limits=limits)


def _headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {MASTER_KEY}"}


def _settings(shape: Shape, place: Place) -> dict[str, Any]:
    priority = place.tier if shape.strategy == "priority-failover" else None
    return _known({"rpm": place.rpm, "weight": place.weight, "priority": priority})


def _hedge(shape: Shape) -> dict[str, Any]:
    if shape.hedge_ms is None:
        return {}
    return {"hedge": {"enabled": True, "after_ms": shape.hedge_ms, "budget": shape.hedge_budget}}


def _retry_config(shape: Shape) -> dict[str, Any]:
    return _known(
        {
            "num_retries": shape.retries,
            "max_fallbacks": shape.moves,
            "timeout_s": shape.timeout_s,
            "first_token_timeout_s": shape.first_token_s,
            "stream_idle_timeout_s": shape.idle_s,
            "by_error": shape.by_error or None,
        }
    )


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _sees(answer: httpx.Response) -> str:
    if answer.status_code != 200:
        return f"{answer.status_code} {answer.json()['error']['code'] or ''}".strip()
    if "event-stream" in answer.headers["content-type"]:
        told = events(answer.text)
        return "200 broken" if has_broken(told) else "200" if is_whole(told) else "200 garbled"
    return "200"
