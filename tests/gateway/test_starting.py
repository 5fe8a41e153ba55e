"""What callers are told while a process has not loaded its configuration yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from access.keys import KeyHolder, hash_key
from access.models import Role
from gateway.admission import key_rights
from gateway.admission.key_rights import authenticate
from gateway.live import Live
from gateway.openai import ApiError

HOLDER = KeyHolder("dora", Role.VIEWER, key_id="one")


async def _database_is_away(work: Callable[[], Any]) -> Any:
    raise OSError


@pytest.mark.parametrize(("key", "status", "code"), [("sk-rc-x", 503, "not_ready"), ("", 401, "invalid_api_key")])
async def test_a_key_is_not_called_unknown_before_the_keys_are_known(monkeypatch, key: str, status: int, code: str):
    monkeypatch.setattr(key_rights, "LOADS_WITHIN_S", 0.01)
    with pytest.raises(ApiError) as caught:
        await authenticate(Live(_database_is_away), key)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert ((b"retry-after", b"1") in caught.value.headers) == (status == 503)


async def test_a_request_waits_for_the_first_load_and_not_longer(monkeypatch):
    live = Live(_database_is_away)
    asked = asyncio.create_task(authenticate(live, "sk-rc-x"))
    await asyncio.sleep(0)
    assert not asked.done()
    live.config = replace(live.config, version=1, holders={hash_key("sk-rc-x"): HOLDER})
    live._first_load_ended.set()
    assert await asked is HOLDER


async def test_a_load_that_failed_is_not_waited_for():
    live = Live(_database_is_away)
    live._first_load_ended.set()
    with pytest.raises(ApiError) as caught:
        await authenticate(live, "sk-rc-x")
    assert caught.value.code == "not_ready"
