"""A real PostgreSQL is stopped, started and struck dumb under a server: who is served, and what others are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.databases import migrate
from tests.fakes import ScriptedUpstream
from tests.servers import MASTER_KEY, Console, becomes, console
from tests.services import Postgres, own_postgres

pytestmark = pytest.mark.once


@dataclass(frozen=True)
class Scene:
    """A server with a group `g`, its database, and a key that holds credits."""

    ours: Console
    database: Postgres
    paid_key: str

    def chat(self, model: str = "g", key: str = MASTER_KEY) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.post(f"{self.ours.url}/v1/chat/completions", json=body, headers=headers, timeout=120)

    def page(self, path: str) -> httpx.Response:
        return httpx.get(self.ours.url + path, timeout=120)

    def status_of(self, path: str) -> int:
        return self.page(path).status_code

    def is_back(self) -> bool:
        return self.ours.send("GET", "/v1/routing_group").is_success


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("away")
    with own_postgres() as database, ScriptedUpstream() as upstream:
        migrate(folder, database.url)
        with console(folder, DATABASE_URL=database.url) as ours:
            model = ours.add_model(provider="P", api_base=upstream.url)
            ours.call("PATCH", f"/api/v1/llm/models/{model}", PRICES)
            ours.add_group("g", [model])
            ours.catch_up()
            yield Scene(ours, database, _paid_key(ours))


PRICES = {"input_cost_per_million": 1, "output_cost_per_million": 1}


def _paid_key(ours: Console) -> str:
    """Of a person with credits."""
    ours.call("POST", "/api/v1/llm/users", {"username": "dora", "role": "viewer", "password": "a long one 4 dora"})
    credits = {"user": "dora", "kind": "top_up", "amount_usd": 5, "reason": "test"}
    ours.call("POST", "/api/v1/llm/credits/movements", credits)
    key = ours.call("POST", "/api/v1/llm/keys", {"name": "k", "owner": "dora"})["key"]
    ours.catch_up()
    return str(key)


def test_what_is_in_memory_is_served_and_the_rest_is_told_to_come_back(scene: Scene):
    assert scene.chat(key=scene.paid_key).status_code == 200
    scene.database.stop()
    try:
        told = [scene.chat("unknown"), scene.chat(key="sk-rc-unknown"), scene.chat(key=scene.paid_key)]
        assert {(answer.status_code, answer.json()["error"]["code"]) for answer in told} == {(503, "database_away")}
        assert scene.ours.send("GET", "/v1/routing_group").status_code == 503
        # A page that asks nothing of it is served when it is somebody's turn to try.
        for path in ("/groups", "/sign-in"):
            becomes(partial(scene.status_of, path), 503, deadline_s=60)
        told += [page for page in map(scene.page, ("/groups", "/sign-in")) if page.status_code == 503]
        assert all(int(answer.headers["retry-after"]) > 0 for answer in told)
        assert all("The database is away" in answer.text for answer in told)
        assert scene.chat().status_code == 200
        assert scene.page("/static/css/console.css").status_code == 200
        assert scene.page("/readyz").status_code == 200
    finally:
        scene.database.start_again()
    becomes(scene.is_back, True, deadline_s=60)
    assert scene.chat("unknown").status_code == 404
    assert scene.chat(key="sk-rc-unknown").status_code == 401
    assert scene.chat(key=scene.paid_key).status_code == 200


def test_nobody_waits_for_a_database_that_takes_connections_and_says_nothing(scene: Scene):
    assert scene.chat("unknown").status_code == 404
    scene.database.freeze()
    try:
        assert scene.chat("unknown").status_code == 503
        assert scene.ours.send("GET", "/v1/routing_group").status_code == 503
        assert scene.chat().status_code == 200
    finally:
        scene.database.thaw()
    becomes(scene.is_back, True, deadline_s=60)
    assert scene.chat("unknown").status_code == 404
