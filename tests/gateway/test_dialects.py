"""Providers with a dialect of their own are reached through LiteLLM; the caller does not notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import openai
import pytest

from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY

HI: Any = [{"role": "user", "content": "hi"}]
MASTER = {"Authorization": f"Bearer {MASTER_KEY}"}
# Type, model, and the path that llmock serves its dialect under.
DIALECTS = [
    ("anthropic", "claude-sonnet-4-5", "/anthropic"),
    ("google", "gemini-2.5-flash", "/gemini/v1beta"),
    ("mistral", "mistral-large-latest", "/mistral/v1"),
]


@pytest.fixture(params=DIALECTS, ids=[d[0] for d in DIALECTS])
def group(request: pytest.FixtureRequest, stage: Stage, make_group: Callable[..., str]) -> str:
    """A group whose first deployment speaks the dialect and whose second speaks OpenAI's."""
    kind, model, path = request.param
    name = f"Dialect of {kind}"
    base = {"type": kind, "name": name, "api_key": "key-of-a-test", "api_base": stage.first.url + path}
    base["dialects"] = ["litellm"]  # new ones of some types are called directly
    found = stage.console.call("GET", f"/api/v1/llm/providers?q={quote(name)}")["providers"]
    provider = found[0] if found else stage.console.call("POST", "/api/v1/llm/providers", base)["provider"]
    models = stage.console.call("GET", f"/api/v1/llm/models?provider={provider['id']}")["models"]
    row = {"provider": provider["id"], "model_name": model}
    first = models[0] if models else stage.console.call("POST", "/api/v1/llm/models", row)["model"]
    stage.console.renew_key(first["id"])
    return make_group(first["id"], stage.models[1])


def test_an_answer_has_openais_shape_from_every_provider(stage: Stage, group: str):
    stage.first.script({"type": "reply", "text": "pong"})
    raw = stage.client.chat.completions.with_raw_response.create(model=group, messages=HI, max_tokens=5)
    answer = raw.parse()
    assert answer.choices[0].message.content == "pong"
    assert answer.usage.total_tokens > 0
    assert float(raw.headers["x-litellm-response-cost"]) > 0
    assert [a["status"] for a in stage.attempts(raw.headers["x-litellm-call-id"])] == ["success"]


def test_a_stream_is_openais_too(stage: Stage, group: str):
    stage.first.script({"type": "reply", "text": "pong"})
    raw = stage.client.chat.completions.with_raw_response.create(model=group, messages=HI, stream=True)
    chunks = list(raw.parse())
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "pong"
    (attempt,) = stage.attempts(raw.headers["x-litellm-call-id"])
    assert (attempt["status"], attempt["first_token_ms"] > 0) == ("success", True)


def test_a_failure_falls_back_like_any_other(stage: Stage, group: str):
    stage.first.script({"type": "fail", "status": 503, "times": None})
    raw = stage.client.chat.completions.with_raw_response.create(model=group, messages=HI)
    first, *_, last = stage.attempts(raw.headers["x-litellm-call-id"])
    assert (first["status"], first["status_code"] >= 500) == ("error", True)
    assert (last["provider"], last["status"]) == ("Second", "success")


def test_the_client_cannot_steer_litellm(stage: Stage, group: str):
    """`mock_response`, `api_base` and the like are LiteLLM's own parameters, not the caller's."""
    stage.first.script({"type": "reply", "text": "pong"})
    extra = {"mock_response": "owned", "api_base": "http://127.0.0.1:1", "api_key": "sk-mine", "num_retries": 9}
    answer = stage.client.chat.completions.create(model=group, messages=HI, extra_body=extra)
    assert answer.choices[0].message.content == "pong"


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_parameters_that_a_provider_does_not_know_are_named(stage: Stage, group: str, is_stream: bool):
    stage.first.script({"type": "reply", "text": "pong"})
    body = {"model": group, "messages": HI, "stream": is_stream, "temperature": 0.5, "made_up": 1}
    answer = httpx.post(f"{stage.console.url}/v1/chat/completions", json=body, headers=MASTER, timeout=30)
    call_id = answer.headers["x-litellm-call-id"]
    assert answer.headers["x-routing-dropped-params"] == "made_up"
    assert [a["dropped_params"] for a in stage.attempts(call_id)] == [["made_up"]]


def test_a_test_request_names_them_too(stage: Stage, group: str):
    found = stage.console.call("GET", f"/v1/routing_group?q={quote(group)}")["routing_groups"]
    group_id = next(row["routing_group_id"] for row in found if row["routing_group_name"] == group)
    result = stage.console.call("POST", f"/v1/routing_group/{group_id}/test", {"made_up": 1})
    assert [trace["dropped_params"] for trace in result["traces"]] == [["made_up"]]


def test_a_request_of_which_nothing_was_dropped_has_no_header_for_it(stage: Stage, group: str):
    body = {"model": group, "messages": HI, "temperature": 0.5}
    answer = httpx.post(f"{stage.console.url}/v1/chat/completions", json=body, headers=MASTER, timeout=30)
    assert answer.status_code == 200
    assert "x-routing-dropped-params" not in answer.headers


def test_a_wrong_model_parameter_is_the_callers_error(stage: Stage, group: str):
    with pytest.raises(openai.BadRequestError, match="temperature"):
        stage.client.chat.completions.create(model=group, messages=HI, temperature="hot")  # type: ignore[call-overload]
