"""The demo's upstream in real servers: the one of `make run` and the one for production, side by side."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from providers.demo.behaviour import DEMO_KEY
from tests.servers import MASTER_KEY, Server, free_port, running

PING: Any = [{"role": "user", "content": "Is anybody there?"}]
MASTER = {"Authorization": f"Bearer {MASTER_KEY}"}
USUAL = {"latency_ms": 0, "jitter_ms": 0, "chunk_ms": 0}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """Two processes, one on uvicorn and one on daphne, that share a data folder."""
    folder = tmp_path_factory.mktemp("demo")
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "routing_console.settings",
        "ROUTING_CONSOLE_DATA": str(folder),
        "ROUTING_CONSOLE_MASTER_KEY": MASTER_KEY,
    }
    with ExitStack() as started:
        yield {name: started.enter_context(_server(name, folder, env)) for name in ("uvicorn", "daphne")}


def _server(name: str, folder: Path, env: dict[str, str]) -> Any:
    port = free_port()
    command = [sys.executable, "-m", name, "--port", str(port), "providers.demo.upstream:app"]
    url = f"http://127.0.0.1:{port}"
    return running(command, url=url, ready=None, log=folder / f"{name}.log", env=env)


@pytest.fixture(params=["uvicorn", "daphne"])
def url(request: pytest.FixtureRequest, servers: dict[str, Server]) -> str:
    """A demo provider in good health and without latency."""
    url = f"{servers[request.param].url}/demo/upstream/nebius"
    assert put(url, {}).status_code == 200
    return url


def put(url: str, body: Any) -> httpx.Response:
    body = {**USUAL, **body} if isinstance(body, dict) else body
    return httpx.put(f"{url}/settings", json=body, headers=MASTER)


def client(url: str, key: str = DEMO_KEY) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=10)


def test_answers_with_its_name_and_what_was_asked(url: str) -> None:
    answer = client(url).chat.completions.create(model="some-model", messages=PING)
    assert "Nebius" in (answer.choices[0].message.content or "")
    assert "Is anybody there?" in (answer.choices[0].message.content or "")
    assert answer.model == "some-model"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_streams_the_answer_and_then_the_usage(url: str) -> None:
    options: Any = {"include_usage": True}
    chunks = list(client(url).chat.completions.create(model="m", messages=PING, stream=True, stream_options=options))
    assert "Is anybody there?" in "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 5


def test_obeys_max_tokens(url: str) -> None:
    answer = client(url).chat.completions.create(model="m", messages=PING, max_tokens=3)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


def test_embeds_equal_texts_equally(url: str) -> None:
    data = client(url).embeddings.create(model="m", input=["a", "b", "a"]).data
    assert data[0].embedding == data[2].embedding != data[1].embedding
    assert sum(x * x for x in data[0].embedding) == pytest.approx(1, abs=1e-5)


def test_lists_its_models(url: str) -> None:
    assert "meta-llama/Llama-3.3-70B-Instruct" in [model.id for model in client(url).models.list()]


def test_fails_as_it_is_told(url: str) -> None:
    put(url, {"failure_rate": 1, "failure_status": 429, "retry_after_s": 2})
    with pytest.raises(openai.RateLimitError) as caught:
        client(url).chat.completions.create(model="m", messages=PING)
    assert caught.value.response.headers["retry-after"] == "2"
    put(url, {"failure_rate": 1})
    with pytest.raises(openai.InternalServerError) as failed:
        client(url).chat.completions.create(model="m", messages=PING, stream=True)
    assert failed.value.status_code == 503


def test_cuts_the_connection_when_told_to_drop(url: str) -> None:
    put(url, {"failure_rate": 1, "failure_status": "drop"})
    with pytest.raises(openai.APIConnectionError) as caught:
        client(url).chat.completions.create(model="m", messages=PING)
    assert not isinstance(caught.value, openai.APITimeoutError)


def test_settings_of_one_process_hold_in_the_other(servers: dict[str, Server]) -> None:
    here, there = (f"{server.url}/demo/upstream/azure" for server in servers.values())
    put(here, {"latency_ms": 7, "failure_rate": 0.5})
    shown = httpx.get(f"{there}/settings", headers=MASTER).json()
    assert (shown["latency_ms"], shown["failure_rate"]) == (7, 0.5)
    httpx.put(f"{there}/settings", json={}, headers=MASTER)
    assert httpx.get(f"{here}/settings", headers=MASTER).json()["latency_ms"] == 320


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "object"),
        ({"failure_rate": 2}, "failure_rate"),
        ({"failure_rate": True}, "failure_rate"),
        ({"failure_rate": "often"}, "failure_rate"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"latency_ms": 1e300}, "latency_ms"),
        ({"latency_ms": None}, "latency_ms"),
        ({"failure_status": 200}, "failure_status"),
        ({"failure_status": True}, "failure_status"),
        ({"failure_status": "explode"}, "drop"),
        ({"retry_after_s": [1]}, "retry_after_s"),
        ({"latency": 5}, "Known"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_a_reason(
    servers: dict[str, Server], body: Any, reason: str
) -> None:
    url = f"{servers['uvicorn'].url}/demo/upstream/fireworks"
    refused = put(url, body)
    assert refused.status_code == 400
    assert reason in refused.json()["error"]["message"]
    assert httpx.get(f"{url}/settings", headers=MASTER).json()["failure_rate"] == 0


def test_wants_the_right_key_at_each_door(url: str) -> None:
    with pytest.raises(openai.AuthenticationError):
        client(url, key="wrong").models.list()
    with pytest.raises(openai.AuthenticationError):
        client(url, key=MASTER_KEY).models.list()
    assert httpx.get(f"{url}/settings").status_code == 401
    assert httpx.put(f"{url}/settings", json={}, headers={"Authorization": f"Bearer {DEMO_KEY}"}).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "nebius/v1/chat/completions", b"{", 400),
        ("POST", "nebius/v1/chat/completions", b"[]", 400),
        ("POST", "nebius/v1/chat/completions", b'{"model": "m"}', 400),
        ("POST", "nebius/v1/chat/completions", b'{"model": "m", "messages": [1]}', 400),
        ("POST", "nebius/v1/chat/completions", b'{"model": "m", "messages": [], "stream": true}', 400),
        ("POST", "nebius/v1/embeddings", b'{"model": "m", "input": 5}', 400),
        ("GET", "nebius/v1/chat/completions", None, 404),
        ("GET", "nobody/v1/models", None, 404),
        ("GET", "nebius", None, 404),
    ],
)
def test_bad_requests_get_a_clear_error(url: str, method: str, path: str, content: bytes | None, status: int) -> None:
    headers = {"Authorization": f"Bearer {DEMO_KEY}"}
    answer = httpx.request(method, f"{url.rpartition('/')[0]}/{path}", content=content, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
