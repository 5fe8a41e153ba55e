"""A console with groups of every strategy, its export, and a real LiteLLM proxy started on it.

Run apart from the other tests, as `pytest tests/proxy`: once for all databases, because the proxy takes long to start.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from groups.models import Strategy
from tests.servers import MASTER_KEY, ROOT, Console, console, free_port, llmock, running

PROXY_KEY = "sk-master-of-the-proxy"
MODELS = ("llama", "mistral", "qwen")
# So that the proxy asks nobody on the internet, and logs what went wrong only.
QUIET = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION"}


@dataclass(frozen=True)
class Proxy:
    """A running proxy and the file it was started on."""

    url: str
    config: str
    upstream: Any

    def get(self, path: str) -> Any:
        return httpx.get(self.url + path, headers=HEADERS, timeout=30).raise_for_status().json()

    def upstream_models(self) -> list[str]:
        """The models that were asked of the upstream, in order."""
        return [str(request["model"]) for request in self.upstream.requests()]

    def ask(self, group: str) -> httpx.Response:
        """One request through a group."""
        body = {"model": group, "messages": [{"role": "user", "content": "Hello"}]}
        return httpx.post(f"{self.url}/v1/chat/completions", json=body, headers=HEADERS, timeout=60)


HEADERS = {"Authorization": f"Bearer {PROXY_KEY}"}


def executable() -> str:
    """LiteLLM's own command, in a virtual environment of its own."""
    found = ROOT / ".venv-litellm" / "bin" / "litellm"
    if not found.exists():
        pytest.fail(f"There is no {found.relative_to(ROOT)}: `make test` builds it, or `make .venv-litellm/.stamp`.")
    return str(found)


@pytest.fixture(scope="session")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    command = executable()
    folder = tmp_path_factory.mktemp("proxy")
    with llmock(folder) as upstream, console(folder) as ours:
        config = exported(ours, upstream.api_base)
        (folder / "config.yaml").write_text(config)
        port = free_port()
        start = [command, "--config", str(folder / "config.yaml"), "--host", "127.0.0.1", "--port", str(port)]
        # It would take our database for its own.
        env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        env |= {**QUIET, "LITELLM_MASTER_KEY": PROXY_KEY, "LAB_API_KEY": "sk-of-the-lab"}
        url, log = f"http://127.0.0.1:{port}", Path(folder / "litellm.log")
        with running(start, url=url, ready="/health/liveliness", log=log, env=env, deadline_s=240):
            yield Proxy(url, config, upstream)


def exported(ours: Console, api_base: str) -> str:
    """A group of each strategy over three models, and one that falls back, as LiteLLM's file."""
    lab = {"name": "Lab", "type": "custom", "api_key": "sk-of-the-lab", "api_base": api_base, "models": MODELS}
    ours.call("POST", "/api/v1/llm/providers", lab)
    places = [{"provider": "Lab", "model_name": name} for name in MODELS]
    placed = [{**place, "priority": n, "weight": n} for n, place in enumerate(places, start=1)]
    for strategy in Strategy.values:
        own = {"retry_config": {"timeout_s": 20, "num_retries": 1}, "cooldown_config": {"allowed_fails": 1}}
        add(ours, f"by-{strategy}", strategy, placed, **own)
    broken = {"name": "Broken", "type": "custom", "api_base": "http://127.0.0.1:9/v1", "models": ["none"]}
    ours.call("POST", "/api/v1/llm/providers", broken)
    fallback = {"fallback_config": {"fallback_groups": ["by-weighted"]}, "retry_config": {"num_retries": 0}}
    add(ours, "falls-back", "simple-shuffle", [{"provider": "Broken", "model_name": "none"}], **fallback)
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    answer = httpx.get(f"{ours.url}/v1/routing_group/export?format=litellm", headers=headers, timeout=30)
    return answer.raise_for_status().text


def add(ours: Console, name: str, strategy: str, deployments: list[dict[str, Any]], **more: Any) -> None:
    config = {"routing_group_name": name, "routing_strategy": strategy, "deployments": deployments, **more}
    ours.call("POST", "/v1/routing_group", config)
