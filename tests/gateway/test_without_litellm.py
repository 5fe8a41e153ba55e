"""A gateway of direct providers never imports LiteLLM; one that needs it imports it beside its requests."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.databases import own_database
from tests.servers import MASTER_KEY, ROOT, Console, eventually, free_port, llmock, running

pytestmark = pytest.mark.slow
CHAT = {"messages": [{"role": "user", "content": "hi"}]}
HEAVY = ("litellm", "openai", "httpx", "tiktoken", "tokenizers")
# Another server, of which uvicorn's workers need nothing.
DAPHNE = "daphne"


@contextmanager
def watched(folder: Path) -> Iterator[Console]:
    """A server that says in its log what it imports. It is started afresh: forks have everything already."""
    port = free_port()
    with own_database(folder) as database:
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "routing_console.settings",
            "ROUTING_CONSOLE_DATA": str(folder),
            "ROUTING_CONSOLE_MASTER_KEY": MASTER_KEY,
            "ROUTING_CONSOLE_ALLOW_PRIVATE_UPSTREAMS": "1",
            "PROBE_INTERVAL_S": "0",
            "DATABASE_URL": database,
            "PORT": str(port),
        }
        python = [sys.executable, "-X", "importtime", "-m", "uvicorn", "--port", str(port), "--no-access-log"]
        command, url, log = [*python, "routing_console.asgi:application"], f"http://127.0.0.1:{port}", folder / "log"
        with running(command, url=url, ready="/readyz/console", log=log, env=env) as found:
            yield Console(url, found.process, log, env)


def imported(log: str) -> set[str]:
    """Which heavy packages a process has imported, by what Python says about it."""
    lines = {line.rpartition("|")[2].strip() for line in log.splitlines() if line.startswith("import time:")}
    return lines & {*HEAVY, DAPHNE}


def test_a_gateway_of_direct_providers_never_imports_litellm(tmp_path: Path):
    with llmock(tmp_path) as upstream, watched(tmp_path) as ours:
        model = ours.add_model(provider="First", api_base=upstream.api_base)
        ours.add_group("direct", [model])
        for stream in (False, True):
            assert ours.send("POST", "/v1/chat/completions", {**CHAT, "model": "direct", "stream": stream}).is_success
        upstream.script({"type": "fail", "status": 503, "times": None})
        assert ours.send("POST", "/v1/chat/completions", {**CHAT, "model": "direct"}).status_code == 503
        assert imported(ours.log.read_text()) == set()
        command = [sys.executable, "-X", "importtime", "manage.py", "verify"]
        done = subprocess.run(command, cwd=ROOT, env=ours.env, capture_output=True, text=True, timeout=300)
        assert imported(done.stderr) <= {DAPHNE}


def test_a_gateway_that_needs_litellm_imports_it_before_the_first_request(tmp_path: Path):
    with llmock(tmp_path) as upstream, watched(tmp_path) as ours:
        body = {"type": "anthropic", "api_key": "key-of-a-test", "api_base": upstream.api_base, "dialects": ["litellm"]}
        provider = ours.call("POST", "/api/v1/llm/providers", body)["provider"]["id"]
        row = {"provider": provider, "model_name": "claude-3-haiku-20240307"}
        model = ours.call("POST", "/api/v1/llm/models", row)["model"]["id"]
        ours.add_group("translated", [model])
        assert eventually(lambda: "litellm" in imported(ours.log.read_text()), deadline_s=60)
        ours.send("POST", "/v1/chat/completions", {**CHAT, "model": "translated"})
        assert len(upstream.requests()) == 1
