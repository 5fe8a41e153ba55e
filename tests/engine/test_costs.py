"""The cost of an answer is the cost of its tokens at the catalog's prices, for every provider and every way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from engine.ledger import Trace
from engine.routing import Routing
from engine.spec import DeploymentSpec, Secret, Strategy
from engine.upstreams.call import Answer, Call, Stream, Usage
from engine.upstreams.connections import close_session
from providers.catalog.price_map import CatalogEntry, lookup
from tests.engine.dialects import Counting, Tokens
from tests.engine.scripted import deployment, group, routing_of
from tests.fakes import ScriptedUpstream

# Type, LiteLLM's name of it, and what follows the address.
OPENAI, ANTHROPIC, GEMINI = ("openai", "openai", "/v1"), ("anthropic", "anthropic", ""), ("google", "gemini", "")
MODELS = {
    "gpt-4o": OPENAI,
    "gpt-4o-mini": OPENAI,
    "gpt-4.1": OPENAI,
    "o3": OPENAI,
    "gpt-3.5-turbo": OPENAI,  # the catalog knows no price of cached tokens
    "claude-sonnet-4-5": ANTHROPIC,
    "claude-haiku-4-5": ANTHROPIC,
    "claude-opus-4-5": ANTHROPIC,
    "gemini-2.5-pro": GEMINI,
    "gemini-2.5-flash": GEMINI,
}
ANSWERS = 1000
AT_ONCE = 20


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    with ScriptedUpstream(Counting()) as server:
        yield server
        await close_session()


def per_token(per_million: Decimal | None) -> float | None:
    return None if per_million is None else float(per_million / 1_000_000)


def priced(name: str, url: str) -> DeploymentSpec:
    type, litellm_name, path = MODELS[name]
    prices = lookup(type=type, model_name=name)
    return deployment(
        name,
        provider_type=litellm_name,
        upstream_model=name,
        api_base=url.removesuffix("/v1") + path,
        api_key=Secret("key-of-a-test"),
        input_cost_per_token_usd=per_token(prices.input_cost_per_million),
        output_cost_per_token_usd=per_token(prices.output_cost_per_million),
        cached_input_cost_per_token_usd=per_token(prices.cached_input_cost_per_million),
        cache_write_cost_per_token_usd=per_token(prices.cache_write_cost_per_million),
    )


def drawn(rng: random.Random, name: str) -> Tokens:
    """Up to a hundred thousand tokens; only Anthropic bills what it writes to the cache."""
    read, wrote = rng.randint(1, 100_000), rng.randint(1, 20_000)
    cached = rng.choice((0, rng.randint(0, read)))
    written = rng.randint(0, read - cached) if MODELS[name] is ANTHROPIC else 0
    thought = 0 if MODELS[name] is ANTHROPIC else rng.choice((0, rng.randint(0, wrote - 1)))
    return Tokens(read, cached, written, wrote, thought)


def price(prices: CatalogEntry, tokens: Tokens) -> Decimal:
    plain, output = prices.input_cost_per_million, prices.output_cost_per_million
    assert plain is not None
    assert output is not None
    cached = plain if prices.cached_input_cost_per_million is None else prices.cached_input_cost_per_million
    written = plain if prices.cache_write_cost_per_million is None else prices.cache_write_cost_per_million
    rest = tokens.read - tokens.cached - tokens.written
    return (rest * plain + tokens.cached * cached + tokens.written * written + tokens.wrote * output) / 1_000_000


async def answer(routing: Routing, name: str, tokens: Tokens, *, is_stream: bool) -> Answer | Stream:
    live = routing.get(name)
    assert live is not None
    body = {"messages": tokens.question, "stream": is_stream}
    result = await routing.route(Call("chat/completions", body, Trace("r", name), is_stream), live)
    if isinstance(result, Stream):
        assert not [event async for event in result if b'"usage"' in event]
    return result


@pytest.mark.slow
async def test_the_cost_of_a_thousand_answers_of_ten_models_is_their_tokens_at_the_catalogs_prices(
    upstream: ScriptedUpstream,
):
    rng = random.Random(8)
    asked = [(name, drawn(rng, name)) for _ in range(ANSWERS // len(MODELS)) for name in MODELS]
    groups = [group(n, Strategy.SIMPLE_SHUFFLE, deployments=(priced(n, upstream.url),)) for n in MODELS]
    routing = await routing_of(*groups)
    difference = Decimal(0)
    for start in range(0, ANSWERS, AT_ONCE):
        some = asked[start : start + AT_ONCE]
        results = await asyncio.gather(
            *(answer(routing, name, tokens, is_stream=n % 3 == 0) for n, (name, tokens) in enumerate(some, start))
        )
        for (name, tokens), result in zip(some, results, strict=True):
            usage = result.usage
            assert usage == Usage(
                *(tokens.read, tokens.wrote, tokens.read + tokens.wrote),
                *(tokens.cached, tokens.written, tokens.thought),
            ), (name, type(result))
            cost = usage.cost_usd(result.deployment)
            assert cost is not None
            difference += abs(Decimal(cost) - price(lookup(type=MODELS[name][0], model_name=name), tokens))
    assert difference < Decimal("1e-6")
