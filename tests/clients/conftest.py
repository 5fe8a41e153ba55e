"""A console before an Anthropic upstream and a chat upstream, for real clients as programs of their own.

Run apart from the other tests, by `make test-clients`: the clients come with their own environments.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.fakes import ScriptedUpstream
from tests.servers import Console, console

_numbers = itertools.count(1)
KINDS = ("anthropic", "chat", "mixed")


@dataclass(frozen=True)
class Stage:
    """The console and its upstreams; `group` makes a group of a kind and gives its name."""

    console: Console
    anthropic: ScriptedUpstream
    chat: ScriptedUpstream

    def group(self, kind: str) -> str:
        """One of KINDS: one upstream, or both with a dead one of the Anthropic type first."""
        name = f"team-{next(_numbers)}"
        upstreams = {"anthropic": [("anthropic", self.anthropic)], "chat": [("custom", self.chat)]}
        rows = upstreams.get(kind) or [("dead", self.anthropic), ("custom", self.chat)]
        models = [self._model(type, upstream) for type, upstream in rows]
        self.console.add_group(name, models, retry_config={"num_retries": 0, "timeout_s": 20})
        return name

    def _model(self, type: str, upstream: ScriptedUpstream) -> str:
        base = "http://127.0.0.1:9/v1" if type == "dead" else upstream.url
        kind = "anthropic" if type == "dead" else type
        row = {"type": kind, "name": f"{kind} {next(_numbers)}", "api_key": "sk-of-a-test-0123", "api_base": base}
        made = self.console.call("POST", "/api/v1/llm/providers", row)["provider"]
        name = "claude-sonnet-4-5" if kind == "anthropic" else "gpt-4o"
        catalog = {"provider": made["id"], "model_name": name}
        return str(self.console.call("POST", "/api/v1/llm/models", catalog)["model"]["id"])


@pytest.fixture(scope="session")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("clients")
    with ScriptedUpstream() as anthropic, ScriptedUpstream() as chat, console(folder) as ours:
        yield Stage(ours, anthropic, chat)


@pytest.fixture
def stage(_stage: Stage) -> Stage:
    """The stage with upstreams that remember nothing."""
    _stage.anthropic.forget()
    _stage.chat.forget()
    return _stage
