"""What the request log says a thousand requests cost is what their tokens cost at the catalog's prices."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from providers.catalog.price_map import CatalogEntry
from tests.engine.dialects import Counting, Tokens
from tests.engine.test_costs import MODELS, drawn, price
from tests.fakes import ScriptedUpstream
from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY, eventually

REQUESTS, AT_ONCE = 1000, 20
PRICES = ("input", "output", "cached_input", "cache_write")


@pytest.fixture
def upstream(stage: Stage) -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(Counting()) as upstream:
        yield upstream


@pytest.fixture
def catalog(stage: Stage, upstream: ScriptedUpstream) -> dict[str, dict[str, Any]]:
    """Ten models of three dialects at providers of their own, by name, with the prices that the console shows."""
    rows, providers = {}, dict[str, str]()
    for name, (kind, _, path) in MODELS.items():
        if kind not in providers:
            base = {"name": f"Counting {kind}", "type": kind, "api_key": "sk-of-a-test"}
            base["api_base"] = upstream.url.removesuffix("/v1") + path
            providers[kind] = stage.console.call("POST", "/api/v1/llm/providers", base)["provider"]["id"]
        row = {"provider": providers[kind], "model_name": name}
        rows[name] = stage.console.call("POST", "/api/v1/llm/models", row)["model"]
    return rows


async def send(client: httpx.AsyncClient, name: str, tokens: Tokens, *, is_stream: bool) -> str:
    """One request; gives its call id."""
    body = {"model": f"Counting {MODELS[name][0]}/{name}", "messages": tokens.question, "stream": is_stream}
    answer = await client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-litellm-call-id"]


async def send_all(url: str, asked: list[tuple[str, Tokens]]) -> list[str]:
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, name: str, tokens: Tokens) -> str:
        async with turns:
            return await send(client, name, tokens, is_stream=number % 3 == 0)

    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        return await asyncio.gather(*(one(number, *what) for number, what in enumerate(asked)))


def logged(stage: Stage) -> dict[str, dict[str, Any]]:
    """The rows of the request log by call id."""
    rows, before = dict[str, dict[str, Any]](), ""
    while True:
        page = stage.console.call("GET", f"/api/v1/llm/requests?size=200{before}")
        rows |= {row["call_id"]: row for row in page["requests"]}
        if page["next"] is None:
            return rows
        before = f"&before={page['next']}"


def cost_of(model: dict[str, Any], tokens: Tokens) -> Decimal:
    named = {f"{name}_cost_per_million": model[f"{name}_cost_per_million"] for name in PRICES}
    costs: dict[str, Any] = {name: None if p is None else Decimal(str(p)) for name, p in named.items()}
    return price(CatalogEntry(**costs), tokens)


def test_the_log_has_the_true_cost_of_a_thousand_requests_to_ten_models(stage: Stage, catalog: dict[str, Any]):
    rng = random.Random(8)
    asked = [(name, drawn(rng, name)) for _ in range(REQUESTS // len(MODELS)) for name in MODELS]
    calls = asyncio.run(send_all(stage.console.url, asked))
    assert eventually(lambda: logged(stage).keys() >= set(calls), deadline_s=20)
    rows, difference = logged(stage), Decimal(0)
    for call, (name, tokens) in zip(calls, asked, strict=True):
        row = rows[call]
        assert (row["input_tokens"], row["output_tokens"]) == (tokens.read, tokens.wrote), name
        assert (row["cached_tokens"], row["reasoning_tokens"]) == (tokens.cached, tokens.thought), name
        assert (row["model"], row["is_estimated"]) == (name, False)
        difference += abs(Decimal(str(row["cost_usd"])) - cost_of(catalog[name], tokens))
    assert difference < Decimal("1e-6")
