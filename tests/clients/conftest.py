"""A console before upstreams of every dialect, for real clients as programs of their own.

Run apart from the other tests, by `make test-clients`: the clients come with their own environments.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.fakes import ScriptedUpstream, Status
from tests.servers import Console, console

_numbers = itertools.count(1)
# The first deployment of the last two is dead, and of the other dialect than the one that answers.
KINDS = ("chat", "responses", "messages", "dead, then chat", "dead, then messages")
DEAD_URL = "http://127.0.0.1:9/v1"


@dataclass(frozen=True)
class Stage:
    """The console and its upstream, which answers in the dialect that it is asked in."""

    console: Console
    upstream: ScriptedUpstream
    busy: ScriptedUpstream

    def group(self, kind: str, name: str = "") -> str:
        """A new group with the deployments of one of KINDS, or with one that is `busy`; gives its name."""
        name = name or f"team-{next(_numbers)}"
        rows = {
            "dead, then chat": ["dead messages", "chat"],
            "dead, then messages": ["dead responses", "messages"],
        }.get(kind, [kind])
        models = [self._model(row) for row in rows]
        self.console.add_group(name, models, retry_config={"num_retries": 0, "timeout_s": 20})
        return name

    def _model(self, row: str) -> str:
        dialect = row.removeprefix("dead ")
        base = DEAD_URL if row.startswith("dead") else self.busy.url if row == "busy" else self.upstream.url
        named = {"name": f"{row} {next(_numbers)}", "api_key": "sk-of-a-test-0123", "api_base": base}
        spoken = {"messages": ("anthropic", []), "responses": ("custom", ["responses"])}.get(dialect, ("custom", []))
        model = "claude-sonnet-4-5" if dialect == "messages" else "gpt-4o"
        provider = {**named, "type": spoken[0], "dialects": spoken[1], "models": [model]}
        made = self.console.call("POST", "/api/v1/llm/providers", provider)["provider"]
        return str(self.console.call("GET", f"/api/v1/llm/models?provider={made['id']}")["models"][0]["id"])


@pytest.fixture(scope="session")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("clients")
    busy = ScriptedUpstream(Status(429, {"Retry-After": "1"}))
    with ScriptedUpstream() as upstream, busy, console(folder) as ours:
        yield Stage(ours, upstream, busy)


@pytest.fixture
def stage(_stage: Stage) -> Stage:
    """The stage with an upstream that remembers nothing."""
    _stage.upstream.forget()
    return _stage
