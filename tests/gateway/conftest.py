"""The stage of the integration tests: our server and two llmocks as processes, started once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from openai import OpenAI

from tests.servers import MASTER_KEY, Console, Llmock, console, llmock

_numbers = itertools.count(1)
# The origin of a page that may call the console from a browser.
BROWSER = "https://app.example.com"


@dataclass(frozen=True)
class Stage:
    """Our server before two upstreams; `models` are their ids in the catalog, `client` what our users have."""

    console: Console
    first: Llmock
    second: Llmock
    models: tuple[str, str]
    client: OpenAI

    def attempts(self, call_id: str) -> list[dict[str, Any]]:
        """What the ledger says about one request."""
        return list(self.console.call("GET", f"/v1/requests/{call_id}/attempts")["attempts"])


@pytest.fixture(scope="session")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    with llmock(folder) as first, llmock(folder) as second, console(folder, CORS_ORIGINS=BROWSER) as ours:
        models = (
            ours.add_model(provider="First", api_base=first.api_base),
            ours.add_model(provider="Second", api_base=second.api_base),
        )
        client = OpenAI(base_url=f"{ours.url}/v1", api_key=MASTER_KEY, max_retries=0, timeout=30)
        yield Stage(ours, first, second, models, client)


@pytest.fixture
def stage(_stage: Stage) -> Stage:
    """The stage with both upstreams in good health, and with keys that no test has seen refused: their deployments are
    shared by all groups, and so are their cooldowns."""
    for upstream, model_id in zip((_stage.first, _stage.second), _stage.models, strict=True):
        if any(record["status"] >= 400 or record["fault"] for record in upstream.requests()):
            _stage.console.renew_key(model_id)
        upstream.reset()
    return _stage


@pytest.fixture
def make_group(stage: Stage) -> Callable[..., str]:
    """Makes a group that nobody used before, First then Second; gives its name."""

    def make(*model_ids: str, **settings: Any) -> str:
        name = f"group-{next(_numbers)}"
        usual = {
            "retry_config": {"num_retries": 1, "timeout_s": 10, "stream_idle_timeout_s": 5},
            "cooldown_config": {"cooldown_time_s": 60, "allowed_fails": 0},
        }
        stage.console.add_group(name, model_ids or stage.models, **{**usual, **settings})
        return name

    return make
