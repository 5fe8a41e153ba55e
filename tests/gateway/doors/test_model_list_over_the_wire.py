"""What clients can find out about models, and about the size of a request, before they ask."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest

from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY

MakeGroup = Callable[..., str]
ANTHROPIC = {"x-api-key": MASTER_KEY, "anthropic-version": "2023-06-01"}
HI: Any = [{"role": "user", "content": "hi"}]


def get(stage: Stage, path: str, **headers: str) -> httpx.Response:
    named = headers or {"Authorization": f"Bearer {MASTER_KEY}"}
    return httpx.get(stage.console.url + path, headers=named, timeout=30)


def test_the_list_tells_limits_prices_and_since_when(stage: Stage, make_group: MakeGroup):
    limits = {"input_cost_per_million": 0.15, "output_cost_per_million": 3, "context_length": 128_000}
    # One of its own: a group of another test may have the name of the first.
    mine = stage.console.add_model(provider="Listed", api_base=stage.first.url)
    stage.console.call("PATCH", f"/api/v1/llm/models/{mine}", limits)
    stage.console.call("PATCH", f"/api/v1/llm/models/{stage.models[1]}", {"context_length": 32_000})
    group = make_group(mine, stage.models[1])
    stage.console.catch_up()
    rows = {row["id"]: row for row in get(stage, "/v1/models").json()["data"]}
    lone, both = rows["Listed/llama"], rows[group]
    assert lone["created"] > 1_700_000_000
    assert both["created"] >= lone["created"]
    assert (lone["context_length"], both["context_length"]) == (128_000, 32_000)
    assert lone["pricing"] == {"prompt": "0.00000015", "completion": "0.000003"}
    assert "temperature" in lone["supported_parameters"]
    assert (lone["owned_by"], both["owned_by"]) == ("Listed", "routing-group")


def test_one_model_has_the_same_row_also_with_a_slash_in_its_name(stage: Stage, make_group: MakeGroup):
    make_group()
    stage.console.catch_up()
    listed = {row.id: row for row in stage.client.models.list()}
    for name in ("First/llama", next(iter(listed))):
        assert stage.client.models.retrieve(name) == listed[name]
    assert get(stage, "/v1/models/First/llama/").json()["id"] == "First/llama"
    with pytest.raises(openai.NotFoundError) as caught:
        stage.client.models.retrieve("no-such")
    assert caught.value.code == "model_not_found"


def test_nobody_is_told_of_models_without_a_key(stage: Stage):
    for path in ("/v1/models", "/v1/models/First/llama"):
        assert httpx.get(stage.console.url + path, timeout=30).status_code == 401


def test_anthropics_clients_get_anthropics_list(stage: Stage, make_group: MakeGroup):
    group = make_group()
    stage.console.catch_up()
    page = get(stage, "/v1/models?limit=1000", **ANTHROPIC).json()
    names = [row["id"] for row in page["data"]]
    assert group in names
    assert (page["has_more"], page["first_id"], page["last_id"]) == (False, names[0], names[-1])
    one = get(stage, f"/v1/models/{group}", **ANTHROPIC).json()
    assert (one["type"], one["id"], one["created_at"][-1]) == ("model", group, "Z")


def count(stage: Stage, **body: Any) -> httpx.Response:
    url = f"{stage.console.url}/v1/messages/count_tokens"
    return httpx.post(url, json=body, headers=ANTHROPIC, timeout=30)


def test_a_count_grows_with_the_request_and_reaches_no_upstream(stage: Stage, make_group: MakeGroup):
    group = make_group()
    small = count(stage, model=group, messages=HI).json()
    large = count(stage, model=group, messages=[{"role": "user", "content": "word " * 400}]).json()
    tools = [{"name": "look", "description": "x" * 400, "input_schema": {"type": "object"}}]
    with_tools = count(stage, model=group, messages=HI, tools=tools, system="Be short.").json()
    assert 0 < small["input_tokens"] < with_tools["input_tokens"] < large["input_tokens"]
    assert not stage.first.requests()


def test_a_burst_of_counts_is_answered_as_a_whole(stage: Stage, make_group: MakeGroup):
    group = make_group()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: count(stage, model=group, messages=HI), range(20)))
    assert {answer.status_code for answer in answers} == {200}


def test_a_count_of_what_can_not_be_asked_is_an_error_of_anthropics(stage: Stage, make_group: MakeGroup):
    wrong = count(stage, model=make_group(), messages="hi")
    assert (wrong.status_code, wrong.json()["error"]["type"]) == (400, "invalid_request_error")
    unknown = count(stage, model="no-such-group", messages=HI)
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "not_found_error")
