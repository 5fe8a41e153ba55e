"""Ours and what it is compared with first, each as a running process before the same upstream."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import free_port, running

KEY = "sk-rc-master-of-the-benchmark"
MODEL = "bench"
SERVER = ["-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]


@dataclass(frozen=True)
class Target:
    """A server that answers `POST /v1/chat/completions` for model `bench` on a loopback port.

    `headers` are those that it wants beside a key.
    """

    name: str
    port: int
    pid: int
    headers: tuple[tuple[str, str], ...] = ()


@contextmanager
def upstream(folder: Path) -> Iterator[Target]:
    port = free_port()
    command = [sys.executable, "-m", "bench.upstream", str(port)]
    with running(command, ready=f"http://127.0.0.1:{port}/", log=folder / "upstream.log") as pid:
        yield Target("upstream alone", port, pid)


@contextmanager
def passthrough(folder: Path, base: str) -> Iterator[Target]:
    port = free_port()
    command = [sys.executable, *SERVER, "--port", str(port), "bench.passthrough:app"]
    ready, log = f"http://127.0.0.1:{port}/", folder / "passthrough.log"
    with running(command, ready=ready, log=log, env={"BENCH_UPSTREAM": base}) as pid:
        yield Target("bare pass-through", port, pid)


@contextmanager
def litellm_proxy(folder: Path, base: str, executable: str) -> Iterator[Target]:
    """LiteLLM's own proxy: one worker, no database, a master key, otherwise as it comes."""
    port = free_port()
    config = folder / "litellm.yaml"
    row = {"model_name": MODEL, "litellm_params": {"model": f"openai/{MODEL}", "api_base": base, "api_key": "sk-bench"}}
    # JSON is YAML.
    config.write_text(json.dumps({"model_list": [row], "general_settings": {"master_key": KEY}}))
    command = [executable, "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION"}
    ready, log = f"http://127.0.0.1:{port}/health/liveliness", folder / "litellm.log"
    with running(command, ready=ready, log=log, env=env, deadline_s=240) as pid:
        yield Target("LiteLLM proxy", port, pid)


@contextmanager
def routing_console(folder: Path, base: str, *, app: str = "routing_console.asgi:application") -> Iterator[Target]:
    """Our gateway: one uvicorn process, SQLite, a group with one deployment made over the REST API."""
    port = free_port()
    env = {
        "ROUTING_CONSOLE_DATA": str(folder),
        "ROUTING_CONSOLE_MASTER_KEY": KEY,
        "ROUTING_CONSOLE_ALLOW_PRIVATE_UPSTREAMS": "1",
        "DATABASE_URL": f"sqlite:///{folder / 'bench.sqlite3'}",
        "REDIS_URL": "",
        "LOG_LEVEL": "WARNING",
        "ROUTING_CONSOLE_DEMO": "0",
    }
    migrate = [sys.executable, "-c", _MIGRATE_THEN_SERVE, *SERVER[2:], "--port", str(port), app]
    ready, log = f"http://127.0.0.1:{port}/readyz", folder / "routing-console.log"
    with running(migrate, ready=ready, log=log, env=env, deadline_s=240) as pid:
        add_group(port, base, MODEL)
        yield Target("Routing Console", port, pid)


_MIGRATE_THEN_SERVE = """
import os, subprocess, sys
subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], check=True)
os.execv(sys.executable, [sys.executable, "-m", "uvicorn", *sys.argv[1:]])
"""


def add_group(port: int, base: str, name: str, **provider: Any) -> None:
    """A group with one deployment, at a provider of its own."""
    made = {"name": f"Provider of {name}", "type": "custom", "api_key": "sk-bench", "api_base": base, **provider}
    provider_id = _post(port, "/api/v1/llm/providers", made)["provider"]["id"]
    model = {"provider": provider_id, "model_name": MODEL}
    model_id = _post(port, "/api/v1/llm/models", model)["model"]["id"]
    deployments = [{"model_id": model_id, "priority": 1}]
    group = {"routing_group_name": name, "routing_strategy": "priority-failover", "deployments": deployments}
    _post(port, "/v1/routing_group", group)


def _post(port: int, path: str, body: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
