"""The key of a request is looked up before its body is read, and again only if something changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from access.keys import KeyHolder, hash_key
from access.models import Role
from gateway.admission.key_rights import authenticate, still_authentic
from gateway.doors.incoming import Incoming, incoming
from gateway.doors.paths import way_of
from gateway.live import Live
from gateway.openai import ApiError

KEY = "sk-rc-good"
HOLDER = KeyHolder("dora", Role.VIEWER, key_id="one")


async def _nothing_new(_: Callable[[], Any]) -> int:
    return 1


def _serving(holder: KeyHolder = HOLDER) -> Live:
    live = Live(_nothing_new)
    live.config = replace(live.config, version=1, holders={hash_key(KEY): holder})
    live._first_load_ended.set()
    return live


def _request() -> Incoming:
    path = "/v1/chat/completions"
    return incoming(way_of(path, "POST"), path, [(b"authorization", f"Bearer {KEY}".encode())])


async def _asked(live: Live) -> Incoming:
    request = _request()
    await authenticate(live, request.key, request)
    return request


async def test_a_key_is_not_looked_up_again_while_nothing_has_changed(monkeypatch):
    live = _serving()
    request = await _asked(live)
    monkeypatch.delattr(Live, "holder")
    assert await still_authentic(live, request) is HOLDER


async def test_a_key_that_was_revoked_while_its_body_came_is_refused():
    live = _serving()
    request = await _asked(live)
    live.config = replace(live.config, holders={})
    with pytest.raises(ApiError) as caught:
        await still_authentic(live, request)
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")


async def test_a_key_that_was_changed_while_its_body_came_has_its_new_rights():
    live = _serving()
    request = await _asked(live)
    changed = replace(HOLDER, allowed_models=frozenset({"support"}))
    live.config = replace(live.config, holders={hash_key(KEY): changed})
    assert await still_authentic(live, request) is changed


async def test_a_key_that_expired_while_its_body_came_is_refused():
    live = _serving()
    request = await _asked(live)
    assert request.holder is HOLDER
    request.holder = replace(HOLDER, expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    live.config.holders[hash_key(KEY)] = request.holder
    with pytest.raises(ApiError):
        await still_authentic(live, request)


async def test_a_process_that_serves_nothing_any_more_refuses_it_too():
    live = _serving()
    request = await _asked(live)
    live.refusal = "Its keys are others."
    with pytest.raises(ApiError) as caught:
        await still_authentic(live, request)
    assert caught.value.status == 503


async def test_a_request_that_was_not_asked_for_its_key_before_is_asked_now():
    assert await still_authentic(_serving(), _request()) is HOLDER
