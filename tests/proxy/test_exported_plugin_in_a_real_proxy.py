"""The exported plugin in a real LiteLLM proxy, with a real Valkey: it decides as the console does."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.proxy.conftest import PROXY_KEY, QUIET, executable
from tests.servers import MASTER_KEY, ROOT, Console, Llmock, console, free_port, llmock, running
from tests.services import valkey

PROMPTS = 200
WORDS = (
    *("hi", "ls", "cat", "test", "Hello", "implement", "analyze", "ARCHITECTURE", "debug", "testing", "categories"),
    *("the", "and", "of", "a", "server", "please", "函数", "функция", "naïve", "file.py", "```", "\n", "Why?", "Done."),
)


@dataclass(frozen=True)
class Pair:
    """The console, the proxy that runs its export, and the one upstream of both."""

    console: Console
    proxy: str
    upstream: Llmock

    def from_console(self, body: dict[str, Any]) -> httpx.Response:
        return _post(self.console.url, MASTER_KEY, body)

    def from_proxy(self, body: dict[str, Any]) -> httpx.Response:
        return _post(self.proxy, PROXY_KEY, body)


def _post(url: str, key: str, body: dict[str, Any]) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=60).raise_for_status()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    command = executable()
    folder = tmp_path_factory.mktemp("plugin")
    with llmock(folder) as upstream, console(folder) as ours, valkey() as redis:
        prepare(ours, upstream.api_base)
        export = [sys.executable, "manage.py", "export_litellm_plugin", str(folder / "made")]
        subprocess.run(export, cwd=ROOT, env=ours.env, check=True, timeout=60)
        port, made = free_port(), folder / "made" / "config.yaml"
        start = [command, "--config", str(made), "--host", "127.0.0.1", "--port", str(port)]
        env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        host, _, number = redis.removeprefix("redis://").removesuffix("/0").rpartition(":")
        env |= {**QUIET, "LITELLM_MASTER_KEY": PROXY_KEY, "LAB_API_KEY": "sk-of-the-lab"}
        env |= {"REDIS_HOST": host, "REDIS_PORT": number}
        url, log = f"http://127.0.0.1:{port}", folder / "litellm.log"
        with running(start, url=url, ready="/health/liveliness", log=log, env=env, deadline_s=240):
            yield Pair(ours, url, upstream)


def prepare(ours: Console, api_base: str) -> None:
    """A small and a large model, and the templates over them: one is found by its name, the other by its price."""
    lab = {"name": "Lab", "type": "custom", "api_key": "sk-of-the-lab", "api_base": api_base}
    provider = ours.call("POST", "/api/v1/llm/providers", lab)["provider"]["id"]
    for name, price in (("llama-mini", 1), ("llama", 9)):
        costs = {"input_cost_per_million": price, "output_cost_per_million": price}
        ours.call("POST", "/api/v1/llm/models", {"provider": provider, "model_name": name, **costs})
    ours.call("POST", "/v1/virtual_models/templates")


def prompts() -> list[list[dict[str, Any]]]:
    """Conversations of every kind of part, some long, some with pictures, some without any text."""
    rng = random.Random(7)
    return [_conversation(rng, number) for number in range(PROMPTS)]


def _conversation(rng: random.Random, number: int) -> list[dict[str, Any]]:
    text = " ".join(rng.choices(WORDS, k=rng.choice((1, 2, 3, 8, 40))))
    content: Any = [{"type": "text", "text": text}] if number % 10 == 3 else text
    if number % 50 == 49:
        return [{"role": "assistant", "content": text}]
    before = [{"role": "user", "content": "debug"}, {"role": "assistant", "content": "implement"}] * rng.choice((0, 3))
    return [*before, {"role": "user", "content": content}]


def decision(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("x-routing-")}


def test_the_same_decision_for_many_prompts(pair):
    seen = []
    for messages in prompts():
        body = {"model": "auto-chat", "messages": messages}
        decided = decision(pair.from_console(body))
        assert decision(pair.from_proxy(body)) == decided, messages
        seen.append(decided["x-routing-pool"])
    assert min(seen.count(pool) for pool in ("pool-chat-mini", "pool-chat-standard")) > PROMPTS // 5


def test_the_request_really_goes_to_the_pool(pair):
    pair.upstream.reset()
    for text in ("hi", "Implement a distributed consensus algorithm"):
        body = {"model": "chat-auto", "messages": [{"role": "user", "content": text}]}
        assert pair.from_proxy(body).json()["choices"]
        assert pair.from_proxy({**body, "stream": True}).text.rstrip().endswith("[DONE]")
    asked = [request["model"] for request in pair.upstream.requests()]
    assert asked == ["llama-mini", "llama-mini", "llama", "llama"]


def test_virtual_and_physical_models_are_listed(pair):
    headers = {"Authorization": f"Bearer {PROXY_KEY}"}
    listed = httpx.get(f"{pair.proxy}/v1/models", headers=headers, timeout=30).json()["data"]
    assert {"auto-chat", "chat-auto", "pool-chat-mini", "pool-claude-sonnet"} <= {row["id"] for row in listed}
