"""A provider that keeps responses, before the console of the integration tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.fakes import ScriptedUpstream
from tests.gateway.conftest import Stage
from tests.gateway.keeping_upstream import Keeping

_numbers = itertools.count(1)
DIALECTS = ["chat", "responses"]


@pytest.fixture
def store() -> Keeping:
    return Keeping()


@pytest.fixture
def upstream(store: Keeping) -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(store) as server:
        yield server


@pytest.fixture
def add_model(stage: Stage) -> Callable[..., str]:
    """Makes a provider at this upstream with one model; gives the model's id."""

    def add(server: ScriptedUpstream, dialects: list[str] = DIALECTS, name: str = "m") -> str:
        row = {"name": f"Keeper {next(_numbers)}", "type": "custom", "api_key": "sk-upstream", "api_base": server.url}
        made = stage.console.call("POST", "/api/v1/llm/providers", {**row, "dialects": dialects, "models": [name]})
        found = stage.console.call("GET", f"/api/v1/llm/models?provider={made['provider']['id']}")
        return str(found["models"][0]["id"])

    return add


@pytest.fixture
def group(make_group: Callable[..., str], add_model: Callable[..., str], upstream: ScriptedUpstream) -> str:
    return make_group(add_model(upstream))
