"""A virtual model, called by OpenAI's own client over real sockets: the message chooses the pool."""

from __future__ import annotations

import itertools
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import openai
import pytest

from tests.gateway.test_live_changes import manage

SIMPLE, COMPLEX = "hi", "Implement a distributed consensus algorithm"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Pair:
    """A virtual model and its pools: the small one is First alone, the large one Second."""

    name: str
    small: str
    large: str
    id: str


@pytest.fixture
def pair(stage, make_group) -> Pair:
    return make_pair(stage, make_group(stage.models[0]), make_group(stage.models[1]))


def make_pair(stage: Any, small: str, large: str, **more: Any) -> Pair:
    name = f"auto-{next(_numbers)}"
    body = {"name": name, "tiers": [{"pool": small}, {"pool": large, "minimum_score": 50}], **more}
    made = stage.console.call("POST", "/v1/virtual_models", body)
    settle(stage)
    return Pair(name, small, large, made["id"])


def ask(stage: Any, name: str, text: str, **more: Any) -> Any:
    """The raw answer, with its headers."""
    messages = [{"role": "user", "content": text}]
    return stage.client.chat.completions.with_raw_response.create(model=name, messages=messages, **more)


def settle(stage: Any) -> None:
    """Has the server see the newest configuration, as it does by itself within a second."""
    stage.console.catch_up()


def routed(headers: Any) -> tuple[str, str]:
    return headers["x-routing-pool"], headers["x-routing-score"]


def switch(stage: Any, pool: str, *, is_active: bool) -> None:
    found = stage.console.call("GET", f"/v1/routing_group?q={pool}&size=200")["routing_groups"]
    group = next(row for row in found if row["routing_group_name"] == pool)
    stage.console.call("PATCH", f"/v1/routing_group/{group['routing_group_id']}", {"is_active": is_active})
    settle(stage)


@pytest.mark.parametrize("is_stream", [False, True])
def test_simple_messages_go_to_the_small_pool_and_complex_ones_to_the_large(stage, pair, is_stream):
    for text, pool, score in ((SIMPLE, pair.small, "-98"), (COMPLEX, pair.large, "193")):
        answer = ask(stage, pair.name, text, stream=is_stream)
        assert routed(answer.headers) == (pool, score)
        assert answer.headers["x-routing-virtual-model"] == pair.name
        result = answer.parse()
        words = [c.choices[0].delta.content or "" for c in result if c.choices] if is_stream else [result.choices]
        assert any(words)
    assert len(stage.first.requests()) == len(stage.second.requests()) == 1


def test_the_trace_says_what_was_chosen_and_why(stage, pair):
    headers = ask(stage, pair.name, COMPLEX).headers
    trace = stage.console.call("GET", f"/v1/requests/{headers['x-litellm-call-id']}/attempts")
    assert trace["choice"] == {"virtual_model": pair.name, "score": 193, "tier": "complex", "pool": pair.large}
    assert trace["model_group"] == pair.large


def test_a_pool_that_is_down_follows_its_own_fallback_rules(stage, make_group):
    backup = make_group(stage.models[1])
    small = make_group(stage.models[0], fallback_config={"fallback_groups": [backup]})
    pair = make_pair(stage, small, make_group(stage.models[1]))
    stage.first.script({"type": "fail", "status": 503, "times": None})
    headers = ask(stage, pair.name, SIMPLE).headers
    assert routed(headers) == (small, "-98")
    assert stage.attempts(headers["x-litellm-call-id"])[-1]["model_group"] == backup


def test_a_pool_out_of_service_gives_way_to_the_default_tier_and_then_to_an_error(stage, pair):
    switch(stage, pair.small, is_active=False)
    assert routed(ask(stage, pair.name, SIMPLE).headers) == (pair.large, "-98")
    switch(stage, pair.large, is_active=False)
    with pytest.raises(openai.APIStatusError) as caught:
        ask(stage, pair.name, SIMPLE)
    assert (caught.value.status_code, caught.value.code) == (503, "no_pool")
    assert f"'{pair.small}' and '{pair.large}' are inactive or missing" in str(caught.value)


def test_without_text_there_is_no_score_and_the_default_tier_answers(stage, pair):
    messages = [{"role": "assistant", "content": "Hello"}]
    answer = stage.client.chat.completions.with_raw_response.create(model=pair.name, messages=messages)
    assert answer.headers["x-routing-pool"] == pair.large
    assert "x-routing-score" not in answer.headers


def test_it_is_listed_and_gone_when_switched_off(stage, pair):
    assert pair.name in {model.id for model in stage.client.models.list()}
    stage.console.call("PATCH", f"/v1/virtual_models/{pair.id}", {"is_active": False})
    settle(stage)
    with pytest.raises(openai.NotFoundError):
        ask(stage, pair.name, SIMPLE)
    assert pair.name not in {model.id for model in stage.client.models.list()}


def test_a_renamed_pool_is_followed(stage, pair):
    found = stage.console.call("GET", f"/v1/routing_group?q={pair.small}&size=200")["routing_groups"]
    group = next(row for row in found if row["routing_group_name"] == pair.small)
    new = {"routing_group_name": f"{pair.small}-renamed"}
    stage.console.call("PATCH", f"/v1/routing_group/{group['routing_group_id']}", new)
    settle(stage)
    assert ask(stage, pair.name, SIMPLE).headers["x-routing-pool"] == f"{pair.small}-renamed"


def test_no_request_is_lost_while_its_pool_is_renamed(stage, pair):
    found = stage.console.call("GET", f"/v1/routing_group?q={pair.small}&size=200")["routing_groups"]
    group = next(row for row in found if row["routing_group_name"] == pair.small)
    at, names = f"/v1/routing_group/{group['routing_group_id']}", [f"{pair.small}-{n}" for n in range(3)]
    with ThreadPoolExecutor(2) as pool:
        renaming = pool.submit(lambda: [stage.console.call("PATCH", at, {"routing_group_name": n}) for n in names])
        pools = set()
        for _ in range(5_000):
            pools.add(ask(stage, pair.name, SIMPLE).headers["x-routing-pool"])
            if renaming.done() and names[-1] in pools:
                break
    assert names[-1] in pools <= {pair.small, *names}


def test_embeddings_are_refused_with_what_to_do(stage, pair):
    with pytest.raises(openai.BadRequestError) as caught:
        stage.client.embeddings.create(model=pair.name, input="Hello")
    assert "Name a routing group or a model here" in str(caught.value)


def test_the_log_line_says_the_decision_and_nothing_of_the_message(stage, pair):
    ask(stage, pair.name, f"{COMPLEX} 9z41")
    line = next(line for line in stage.console.log.read_text().splitlines() if f"virtual_model={pair.name}" in line)
    assert 'event="routing decision"' in line
    assert f"pool={pair.large} score=198 decision=complex" in line
    assert "9z41" not in stage.console.log.read_text()


def test_a_key_that_may_not_call_a_pool_does_not_see_the_virtual_model(stage, make_group):
    small = make_group(stage.models[0], assigned_key_ids=["somebody-else"])
    pair = make_pair(stage, small, make_group(stage.models[1]))
    manage(stage, "create_user", "gwen", "--role", "viewer", "--generate-password")
    key = re.search(r"sk-rc-[\w-]{20,}", manage(stage, "create_api_key", "--owner", "gwen"))[0]
    client = stage.client.with_options(api_key=key)
    assert pair.name not in {model.id for model in client.models.list()}
    with pytest.raises(openai.PermissionDeniedError, match="assigned to others"):
        client.chat.completions.create(model=pair.name, messages=[{"role": "user", "content": SIMPLE}])
