"""Ids of what providers keep in an account that callers share: nobody reaches what is another's by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from openai import BadRequestError, OpenAI

from tests.fakes import ScriptedUpstream, Status
from tests.gateway.conftest import Stage
from tests.gateway.keeping_upstream import Keeping
from tests.gateway.owners import client_of, issued, new_key

OWN = "sk-own-of-a-test-123456"
FILE: Any = [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]
SEARCH: Any = [{"type": "file_search", "vector_store_ids": ["vs_1"]}]


@pytest.fixture
def thoughtful(store: Keeping) -> Keeping:
    store.thinks = True
    return store


def conversation(client: OpenAI, group: str) -> list[Any]:
    """One turn of a client that repeats all items, as the Agents SDK does, and the next question."""
    made = client.responses.create(model=group, input="one")
    said = [item.model_dump(exclude_none=True) for item in made.output]
    return [{"role": "user", "content": "one"}, *said, {"role": "user", "content": "two"}]


def ids(items: list[Any]) -> list[str | None]:
    return [item.get("id") for item in items]


def test_reasoning_goes_back_by_its_id_where_it_is_kept(
    stage: Stage, thoughtful: Keeping, add_model: Callable[..., str], make_group: Callable[..., str], upstream
):
    with ScriptedUpstream(Keeping()) as other:
        second = add_model(upstream)
        turns = conversation(stage.client, make_group(second))
        group = make_group(add_model(other), second, routing_strategy="simple-shuffle")
        for _ in range(10):
            raw = stage.client.responses.with_raw_response.create(model=group, input=turns)
            assert "x-routing-dropped-params" not in raw.headers
            assert upstream.seen[-1].body["input"] == turns
        assert (upstream.count, other.count) == (11, 0)


def test_reasoning_of_another_is_left_out_and_the_rest_goes_without_ids(
    stage: Stage, group: str, thoughtful: Keeping, upstream
):
    turns = conversation(stage.client, group)
    raw = new_key(stage.console).responses.with_raw_response.create(model=group, input=turns)
    assert raw.headers["x-routing-dropped-params"] == "input.reasoning,input.id"
    sent = upstream.seen[-1].body["input"]
    assert [item.get("type") for item in sent] == [None, "message", None]
    assert not set(filter(None, ids(turns))) & set(filter(None, ids(sent)))


def test_reasoning_stays_behind_when_its_keeper_is_away(
    stage: Stage, thoughtful: Keeping, add_model: Callable[..., str], make_group: Callable[..., str], upstream
):
    keeper = add_model(upstream)
    with ScriptedUpstream(Keeping()) as other:
        group = make_group(keeper, add_model(other))
        turns = conversation(stage.client, group)
        stage.console.call("POST", "/api/v1/llm/cooldowns", {"deployment_id": keeper, "for_s": 60, "why": "a test"})
        stage.console.catch_up()
        raw = stage.client.responses.with_raw_response.create(model=group, input=turns)
        assert (raw.headers["x-routing-dropped-params"], other.count) == ("input.reasoning,input.id", 1)


def test_an_image_by_its_id_alone_is_its_owners(stage: Stage, group: str, upstream: ScriptedUpstream):
    turn: Any = [{"type": "image_generation_call", "id": "ig_1"}, {"role": "user", "content": "blue"}]
    with pytest.raises(BadRequestError) as caught:
        stage.client.responses.create(model=group, input=turn)
    assert (caught.value.param, upstream.count) == ("input[0]", 0)


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/responses", {"input": FILE}, "input[0].content[0].file_id"),
        ("/responses", {"input": "hi", "tools": SEARCH}, "tools[0].vector_store_ids"),
        ("/responses", {"input": "hi", "prompt": {"id": "pmpt_1"}}, "prompt"),
        ("/responses", {"input": "hi", "conversation": "conv_1"}, "conversation"),
        (
            "/chat/completions",
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
            "messages[0].content[0].file.file_id",
        ),
    ],
)
def test_what_is_in_the_providers_account_is_refused_with_a_way_out(
    stage: Stage, group: str, path: str, body: dict[str, Any], param: str, upstream: ScriptedUpstream
):
    with pytest.raises(BadRequestError) as caught:
        stage.client.post(path, cast_to=object, body={"model": group, **body})
    assert (caught.value.param, caught.value.code, upstream.count) == (param, "unsupported_parameter", 0)
    assert "all callers share" in caught.value.message
    assert "key of your own" in caught.value.message


def bring(stage: Stage, client: OpenAI, group: str, **fields: Any) -> None:
    """Gives the caller a key of their own for the provider of a group with one deployment.

    By the group, not by the upstream's address: ports are used again, so an earlier test's provider may have the same.
    """
    found = stage.console.call("GET", f"/v1/routing_group?q={group}&size=200")["routing_groups"]
    [provider] = [row["deployments"][0]["provider"] for row in found if row["routing_group_name"] == group]
    url, headers = f"{stage.console.url}/api/v1/llm/users/me/byok", {"Authorization": f"Bearer {client.api_key}"}
    asked = {"provider": provider, "api_key": OWN, **fields}
    assert httpx.post(url, json=asked, headers=headers, timeout=30).is_success
    stage.console.catch_up()


@pytest.mark.parametrize(
    "body", [{"input": FILE}, {"input": "hi", "tools": SEARCH}, {"prompt": {"id": "p"}, "input": "x"}]
)
def test_what_is_in_the_account_of_an_own_key_is_its_owners(
    stage: Stage, group: str, body: dict[str, Any], upstream: ScriptedUpstream
):
    client = client_of(stage.console, issued(stage.console)["key"])
    bring(stage, client, group, may_fall_back=True)
    client.post("/responses", cast_to=object, body={"model": group, **body})
    assert upstream.seen[-1].headers["authorization"] == f"Bearer {OWN}"
    name = next(iter(body.keys() - {"input"}), "input")
    assert upstream.seen[-1].body[name] == body[name]


def test_a_refused_own_key_does_not_lead_into_the_account_that_all_share(
    stage: Stage, group: str, upstream: ScriptedUpstream
):
    client = client_of(stage.console, issued(stage.console)["key"])
    bring(stage, client, group, may_fall_back=True)
    upstream.script(Status(401), Status(401), Status(401))
    with pytest.raises(Exception, match="Your own key"):
        client.responses.create(model=group, input=FILE)
    assert {one.headers["authorization"] for one in upstream.seen} == {f"Bearer {OWN}"}


def test_background_is_refused_because_nobody_would_know_its_cost(stage: Stage, group: str, upstream: ScriptedUpstream):
    with pytest.raises(BadRequestError) as caught:
        stage.client.responses.create(model=group, input="hi", background=True)
    assert (caught.value.param, upstream.count) == ("background", 0)
    assert "costs" in caught.value.message
