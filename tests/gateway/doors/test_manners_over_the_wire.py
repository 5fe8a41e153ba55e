"""What clients of every kind rely on, over real sockets: addresses, keys, ids, methods, errors, browsers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from openai import AzureOpenAI
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.gateway.conftest import BROWSER, Stage
from tests.servers import MASTER_KEY

pytestmark = pytest.mark.once

HI: Any = [{"role": "user", "content": "hi"}]
BEARER = {"Authorization": f"Bearer {MASTER_KEY}"}
CHAT = "/v1/chat/completions"
MakeGroup = Callable[..., str]


def ask(stage: Stage, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.request(method, stage.console.url + path, json=body, headers=named or BEARER, timeout=30)


@pytest.mark.parametrize(
    "path",
    [
        CHAT,
        f"{CHAT}/",
        "/chat/completions",
        "/openai/v1/chat/completions",
        "/openai/deployments/GROUP/chat/completions",
    ],
)
def test_chat_is_answered_under_the_address_of_every_client(stage: Stage, make_group: MakeGroup, path: str):
    group = make_group()
    answer = ask(stage, "POST", path.replace("GROUP", group), {"model": group, "messages": HI})
    assert answer.json()["choices"][0]["message"]["content"]
    assert answer.headers["x-request-id"] == answer.headers["x-litellm-call-id"]


def test_azures_client_names_the_group_in_the_path(stage: Stage, make_group: MakeGroup):
    client = AzureOpenAI(azure_endpoint=stage.console.url, api_key=MASTER_KEY, api_version="2024-10-21", max_retries=0)
    said = client.chat.completions.create(model=make_group(), messages=HI)
    assert said.choices[0].message.content
    stream = client.chat.completions.create(model=make_group(), messages=HI, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert client.responses.create(model=make_group(), input="hi").output_text
    events = [event.type for event in client.responses.create(model=make_group(), input="hi", stream=True)]
    assert (events[0], events[-1]) == ("response.created", "response.completed")
    assert client.embeddings.create(model=make_group(), input="hi").data[0].embedding
    assert client.models.list().data


@pytest.mark.parametrize("name", ["x-api-key", "api-key"])
def test_a_key_may_come_in_the_headers_of_other_clients(stage: Stage, make_group: MakeGroup, name: str):
    body = {"model": make_group(), "messages": HI}
    assert ask(stage, "POST", CHAT, body, **{name: MASTER_KEY}).status_code == 200
    wrong = ask(stage, "POST", CHAT, body, **{name: "sk-rc-wrong"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_api_key")


def test_every_answer_has_an_id_and_a_sane_one_of_the_client_is_kept(stage: Stage, make_group: MakeGroup):
    group = make_group()
    for path in ("/healthz", "/v1/nothing", "/v1/routing_group", "/login", "/"):
        assert len(ask(stage, "GET", path).headers.get_list("x-request-id")) == 1, path
    kept = ask(stage, "POST", CHAT, {"model": group, "messages": HI}, **BEARER, x_request_id="job-7")
    assert kept.headers["x-request-id"] == "job-7"
    failed = ask(stage, "POST", CHAT, {"model": "no-such"}, **BEARER, x_client_request_id="job-8")
    assert (failed.status_code, failed.headers["x-request-id"]) == (400, "job-8")
    ours = ask(stage, "POST", CHAT, {"model": group, "messages": HI}, **BEARER, x_request_id="two words")
    assert ours.headers["x-request-id"] == ours.headers["x-litellm-call-id"]


def test_an_unknown_path_below_v1_answers_in_the_clients_shape(stage: Stage):
    unknown = ask(stage, "POST", "/v1/nothing", {})
    assert unknown.status_code == 404
    assert set(unknown.json()["error"]) == {"message", "type", "param", "code"}
    anthropic = ask(stage, "POST", "/v1/messages/nothing", {})
    assert anthropic.status_code == 404
    said = anthropic.json()
    assert (said["type"], said["error"]["type"]) == ("error", "not_found_error")
    assert said["request_id"] == anthropic.headers["request-id"] == anthropic.headers["x-request-id"]
    by_header = ask(stage, "GET", "/v1/nothing", anthropic_version="2023-06-01")
    assert by_header.json()["error"]["type"] == "not_found_error"


NOT_SERVED = ["batches", "files", "files/file-1", "files/file-1/content", "realtime", "realtime/sessions"]
FORM = {"files": {"file": ("a.jsonl", b"{}")}, "data": {"purpose": "batch"}}


@pytest.mark.parametrize("path", NOT_SERVED)
@pytest.mark.parametrize("prefix", ["/v1/", "/openai/", "/openai/v1/", "/v1/v1/", "/"])
@pytest.mark.parametrize("body", [{}, {"json": {}}, FORM], ids=["none", "json", "form"])
def test_what_is_not_served_says_so(stage: Stage, prefix: str, path: str, body: dict[str, Any]):
    method = "POST" if body or prefix == "/" else "GET"
    answer = httpx.request(method, stage.console.url + prefix + path, headers=BEARER, timeout=30, **body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_served")
    assert "not served" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/realtime?model=x", "/openai/realtime?api-version=1", "/realtime"])
def test_a_realtime_socket_is_told_that_it_is_not_served(stage: Stage, path: str):
    with pytest.raises(InvalidStatus) as refused, connect(stage.console.url.replace("http", "ws") + path):
        pass
    answer = refused.value.response
    assert answer.status_code == 404
    assert json.loads(answer.body)["error"]["code"] == "not_served"


def test_the_rest_api_below_v1_answers_as_before(stage: Stage):
    assert "routing_groups" in ask(stage, "GET", "/v1/routing_group").json()
    assert "scenarios" in ask(stage, "GET", "/v1/scenarios").json()
    assert ask(stage, "GET", "/v1/requests/no-such-call/attempts").json().keys() == {"detail"}


def test_head_answers_like_get_without_a_body(stage: Stage):
    for path in ("/v1/models", "/livez", "/healthz", "/readyz", "/readyz/console"):
        whole, head = ask(stage, "GET", path), ask(stage, "HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == whole.headers["content-length"]
    assert ask(stage, "HEAD", "/").status_code < 400


def test_a_method_that_is_not_possible_names_those_that_are(stage: Stage):
    answer = ask(stage, "PUT", CHAT, {})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
    assert ask(stage, "HEAD", CHAT).content == b""
    options = ask(stage, "OPTIONS", CHAT)
    assert (options.status_code, options.content, options.headers["allow"]) == (204, b"", "POST, OPTIONS")


def test_a_browser_of_the_setting_may_ask_before_it_has_a_key_and_read_what_it_gets(
    stage: Stage, make_group: MakeGroup
):
    wanted = {"origin": BROWSER, "access-control-request-method": "POST"}
    names = "authorization,content-type,x-stainless-os"
    before = ask(stage, "OPTIONS", CHAT, **wanted, access_control_request_headers=names)
    assert (before.status_code, before.content) == (204, b"")
    assert before.headers["access-control-allow-origin"] == BROWSER
    assert before.headers["access-control-allow-headers"] == names
    assert "POST" in before.headers["access-control-allow-methods"]
    group = make_group()
    for body in ({"model": group, "messages": HI}, {"model": group, "messages": HI, "stream": True}, {"model": "x"}):
        answer = ask(stage, "POST", CHAT, body, **BEARER, origin=BROWSER)
        assert answer.headers["access-control-allow-origin"] == BROWSER
        assert "x-litellm-call-id" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers


def test_a_browser_of_another_origin_may_not(stage: Stage):
    other = {"origin": "https://evil.example.com", "access-control-request-method": "POST"}
    for method in ("OPTIONS", "POST"):
        answer = ask(stage, method, CHAT, **other)
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_an_unknown_encoding_is_refused_with_those_that_are_not(stage: Stage):
    answer = ask(stage, "POST", CHAT, {}, **BEARER, content_encoding="br")
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip, zstd")
