"""Aliases, power levels and the chain of fallback providers, called by OpenAI's own client over real sockets."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import openai
import pytest

AT = "/api/v1/llm/routing/rules"
USUAL: dict[str, Any] = {"strategy": "balanced", "fallback_providers": [], "model_aliases": {}}
IN_LEVELS = {"in_power_levels": True}
LEVELS = ("auto", "auto-eco", "auto-balanced", "auto-precision")
_numbers = itertools.count(1)


@pytest.fixture
def rules(stage: Any) -> Iterator[Any]:
    """Sets the routing rules; afterwards they are as before."""

    def put(**fields: Any) -> None:
        stage.console.call("PUT", AT, fields)
        stage.console.catch_up()

    yield put
    put(**USUAL)


@pytest.fixture
def pools(stage: Any) -> Iterator[dict[str, str]]:
    """The names of a cheap group and of a good one, each better at that than any other; afterwards they are gone."""
    names = {"small": f"small-{next(_numbers)}", "large": f"large-{next(_numbers)}"}
    for which, upstream, usd, quality in (("small", stage.first, 0.001, 1), ("large", stage.second, 99, 100)):
        model = stage.console.add_model(provider=f"Provider of {names[which]}", api_base=upstream.api_base)
        prices = {"input_cost_per_million": usd, "output_cost_per_million": usd}
        stage.console.call("PATCH", f"/api/v1/llm/models/{model}", {**prices, "quality": quality})
        stage.console.add_group(names[which], (model,), retry_config={"num_retries": 0}, settings=IN_LEVELS)
    stage.console.catch_up()
    yield names
    for name in names.values():
        (group,) = stage.console.call("GET", f"/v1/routing_group?q={name}")["routing_groups"]
        stage.console.call("DELETE", f"/v1/routing_group/{group['routing_group_id']}")


def ask(stage: Any, name: str, **more: Any) -> Any:
    messages = [{"role": "user", "content": "hi"}]
    return stage.client.chat.completions.with_raw_response.create(model=name, messages=messages, **more)


def test_an_alias_is_called_like_what_it_leads_to(stage, make_group, rules):
    group = make_group(stage.models[1], settings=IN_LEVELS)
    rules(model_aliases={"fast-chat": group, "by-model": f"second/{model_name(stage)}", "cheap": "auto-eco"})
    for alias in ("fast-chat", "by-model"):
        assert ask(stage, alias).parse().choices
    assert len(stage.second.requests()) == 2
    assert ask(stage, "fast-chat").headers["x-litellm-model-group"] == group
    assert ask(stage, "cheap").headers["x-routing-virtual-model"] == "auto-eco"


def model_name(stage: Any) -> str:
    return next(m.id for m in stage.client.models.list() if m.id.startswith("Second/")).removeprefix("Second/")


def test_an_alias_is_gone_when_it_is_taken_out(stage, make_group, rules):
    rules(model_aliases={"short-lived": make_group()})
    assert ask(stage, "short-lived").parse().choices
    rules(model_aliases={})
    with pytest.raises(openai.NotFoundError):
        ask(stage, "short-lived")


@pytest.mark.parametrize("is_stream", [False, True])
def test_power_levels_choose_by_price_and_quality(stage, pools, rules, is_stream):
    for level, pool in (("auto-eco", pools["small"]), ("auto-precision", pools["large"])):
        answer = ask(stage, level, stream=is_stream)
        assert answer.headers["x-routing-pool"] == pool
        assert answer.headers["x-litellm-model-group"] == pool
        assert list(answer.parse())


def test_plain_auto_follows_the_strategy_of_the_console(stage, pools, rules):
    for strategy, pool in (("cost", pools["small"]), ("quality", pools["large"])):
        rules(strategy=strategy)
        assert ask(stage, "auto").headers["x-routing-pool"] == pool
    rules(strategy="custom", weights={"cost": 1, "latency": 0, "quality": 0})
    assert ask(stage, "auto").headers["x-routing-pool"] == pools["small"]


def test_the_attempts_say_which_level_chose(stage, pools, rules):
    headers = ask(stage, "auto-eco").headers
    trace = stage.console.call("GET", f"/v1/requests/{headers['x-litellm-call-id']}/attempts")
    assert trace["choice"] == {"virtual_model": "auto-eco", "score": None, "tier": "", "pool": pools["small"]}


def test_aliases_and_levels_are_listed(stage, make_group, rules):
    rules(model_aliases={"listed": make_group(settings=IN_LEVELS), "lost": "openai/not-there"})
    listed = {m.id: m.owned_by for m in stage.client.models.list()}
    assert listed["listed"] == "alias"
    assert "lost" not in listed
    assert {listed[level] for level in LEVELS} == {"power-level"}


def test_embeddings_need_a_group_of_their_own(stage, make_group, rules):
    make_group(settings=IN_LEVELS)
    stage.console.catch_up()
    with pytest.raises(openai.BadRequestError, match="chooses for chat messages"):
        stage.client.embeddings.create(model="auto", input="hi")


def test_a_model_that_fails_is_asked_for_at_the_next_provider(stage, rules):
    name = f"First/{model_name(stage)}"
    stage.first.script({"type": "fail", "status": 503, "times": None})
    rules(fallback_providers=["second"])
    headers = ask(stage, name).headers
    assert headers["x-litellm-attempted-fallbacks"] == "1"
    assert stage.attempts(headers["x-litellm-call-id"])[-1]["provider"] == "Second"
    rules(fallback_providers=[])
    with pytest.raises(openai.APIStatusError):
        ask(stage, name)


def test_a_new_group_answers_no_power_level_before_somebody_says_so(stage, make_group, pools, rules):
    cheapest = stage.console.add_model(provider="Cheapest", api_base=stage.first.api_base)
    free = {"input_cost_per_million": 0, "output_cost_per_million": 0}
    stage.console.call("PATCH", f"/api/v1/llm/models/{cheapest}", free)
    name = make_group(cheapest)
    stage.console.catch_up()
    assert ask(stage, "auto-eco").headers["x-routing-pool"] == pools["small"]
    (group,) = stage.console.call("GET", f"/v1/routing_group?q={name}")["routing_groups"]
    stage.console.call("PATCH", f"/v1/routing_group/{group['routing_group_id']}", {"settings": IN_LEVELS})
    stage.console.catch_up()
    assert ask(stage, "auto-eco").headers["x-routing-pool"] == name
