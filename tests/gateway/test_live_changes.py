"""A change is served within a second in every server process, and touches nothing in flight."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import pytest
from cryptography.fernet import Fernet

from tests.fakes import Exchange, Ok, ScriptedUpstream
from tests.forks import run_python
from tests.gateway.conftest import Stage
from tests.pace import within
from tests.servers import MASTER_KEY, console, console_beside

pytestmark = pytest.mark.both
HI: Any = [{"role": "user", "content": "hi"}]
WITHIN_S = 1.0


def client_of(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key=MASTER_KEY, max_retries=0, timeout=20)


@dataclass(frozen=True)
class Held(Ok):
    """An answer that comes once the gate is open."""

    gate: threading.Event = field(default_factory=threading.Event)

    async def play(self, exchange: Exchange) -> None:
        while not self.gate.is_set():
            await exchange.pause(0.02)
        await super().play(exchange)


def answers(client: openai.OpenAI, group: str) -> str | None:
    """The id of the deployment that answered, or None when the group is unknown."""
    try:
        raw = client.chat.completions.with_raw_response.create(model=group, messages=HI)
    except openai.NotFoundError:
        return None
    return str(raw.headers["x-litellm-model-id"])


@pytest.fixture(scope="module")
def both(_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[openai.OpenAI]]:
    """Two server processes on one database, as clients of each."""
    with console_beside(_stage.console, tmp_path_factory.mktemp("second")) as second:
        urls = (_stage.console.url, second.url)
        yield [client_of(url) for url in urls]


def test_every_change_of_a_group_is_served_by_every_process_within_a_second(stage: Stage, both):
    first, second = stage.models
    group_id = stage.console.add_group("live", [first])
    path = f"/v1/routing_group/{group_id}"
    assert within(WITHIN_S, lambda: [answers(c, "live") for c in both] == [first, first])
    stage.console.call("PATCH", path, {"deployments": [{"model_id": second, "priority": 1}]})
    assert within(WITHIN_S, lambda: [answers(c, "live") for c in both] == [second, second])
    stage.console.call("PATCH", path, {"is_active": False})
    assert within(WITHIN_S, lambda: [answers(c, "live") for c in both] == [None, None])
    stage.console.call("PATCH", path, {"is_active": True, "routing_group_name": "live-again"})
    assert within(WITHIN_S, lambda: [answers(c, "live-again") for c in both] == [second, second])
    stage.console.call("DELETE", path)
    assert within(WITHIN_S, lambda: [answers(c, "live-again") for c in both] == [None, None])


def test_a_request_of_one_process_can_be_read_back_from_the_other(stage: Stage, both):
    stage.console.add_group("read-back", [stage.models[0]])
    assert within(WITHIN_S, lambda: answers(both[1], "read-back") is not None)
    raw = both[1].chat.completions.with_raw_response.create(model="read-back", messages=HI)
    assert [a["status"] for a in stage.attempts(raw.headers["x-litellm-call-id"])] == ["success"]


async def test_updating_a_group_with_fifty_requests_in_flight_loses_none(stage: Stage):
    with ScriptedUpstream(held := Held()) as slow:
        model = stage.console.add_model(provider="Slow under load", api_base=slow.url)
        group_id = stage.console.add_group("under-load", [model], retry_config={"timeout_s": 120})
        client = openai.AsyncOpenAI(base_url=f"{stage.console.url}/v1", api_key=MASTER_KEY, max_retries=0, timeout=120)
        ask = client.chat.completions.with_raw_response.create
        calls = [asyncio.ensure_future(ask(model="under-load", messages=HI)) for _ in range(50)]
        assert await asyncio.to_thread(within, 10, lambda: slow.in_flight == 50)
        change = {"deployments": [{"model_id": stage.models[0], "priority": 1}]}
        await asyncio.to_thread(stage.console.call, "PATCH", f"/v1/routing_group/{group_id}", change)
        await asyncio.to_thread(stage.console.catch_up)
        assert slow.in_flight == 50
        after = await ask(model="under-load", messages=HI)
        assert after.headers["x-litellm-model-id"] == stage.models[0]
        held.gate.set()
        assert {raw.headers["x-litellm-model-id"] for raw in await asyncio.gather(*calls)} == {model}
        await client.close()


def test_a_group_that_cannot_read_its_key_takes_down_only_itself(stage: Stage, tmp_path: Path):
    """On a database of its own, whose old encryption key is lost and given up."""
    new_key = Fernet.generate_key().decode()
    with console(tmp_path) as ours:
        ours.add_group("fine", [ours.add_model(provider="Old", api_base=stage.first.api_base)])
        with pytest.raises(AssertionError, match="store these API keys again"):
            run_python(["manage.py", "rotate_keys", "--lost"], {**ours.env, "ENCRYPTION_KEYS": new_key})
        with console_beside(ours, tmp_path, ENCRYPTION_KEYS=new_key) as other:
            readable = other.add_model(provider="Readable", api_base=stage.first.api_base)
            other.add_group("readable", [readable])
            client = client_of(other.url)
            assert within(WITHIN_S, lambda: answers(client, "readable") == readable)
            with pytest.raises(openai.APIStatusError, match="ENCRYPTION_KEYS") as caught:
                client.chat.completions.create(model="fine", messages=HI)
            assert caught.value.status_code == 502


def manage(stage: Stage, *words: str) -> str:
    """A management command on the console's database; gives what it printed."""
    return run_python(["manage.py", *words], stage.console.env)


def test_a_key_opens_at_once_and_is_closed_within_a_second_of_its_revocation(stage: Stage):
    stage.console.add_group("for-keys", [stage.models[0]])
    manage(stage, "create_user", "eve", "--role", "viewer", "--generate-password")
    key = re.search(r"sk-rc-[\w-]{20,}", manage(stage, "create_api_key", "--owner", "eve"))[0]
    client = openai.OpenAI(base_url=f"{stage.console.url}/v1", api_key=key, max_retries=0, timeout=20)
    raw = client.chat.completions.with_raw_response.create(model="for-keys", messages=HI)
    assert raw.status_code == 200
    manage(stage, "revoke_api_key", key)

    def is_refused() -> bool:
        try:
            client.models.list()
        except openai.AuthenticationError:
            return True
        return False

    assert within(WITHIN_S, is_refused)


def test_a_group_that_is_assigned_to_keys_serves_those_alone(stage: Stage):
    manage(stage, "create_user", "frank", "--role", "viewer", "--generate-password")
    issued = [manage(stage, "create_api_key", "--owner", "frank") for _ in range(2)]
    keys = [re.search(r"sk-rc-[\w-]{20,}", text)[0] for text in issued]
    first_id = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", issued[0])[0]
    stage.console.add_group("assigned", [stage.models[0]], assigned_key_ids=[first_id])
    mine, other = (openai.OpenAI(base_url=f"{stage.console.url}/v1", api_key=k, max_retries=0) for k in keys)
    assert answers(mine, "assigned") == stage.models[0]
    with pytest.raises(openai.PermissionDeniedError, match="assigned to others"):
        other.chat.completions.create(model="assigned", messages=HI)
    assert "assigned" in {m.id for m in mine.models.list()}
    assert "assigned" not in {m.id for m in other.models.list()}
