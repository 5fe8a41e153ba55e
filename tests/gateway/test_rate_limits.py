"""Limits of a key that over the wire would take a broken Redis, or a minute."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from access.keys import MASTER, KeyHolder
from access.models import Role
from gateway.openai import ApiError
from gateway.rate_limits import RateLimits
from tests.servers import free_port

HOLDER = KeyHolder("dora", Role.STRANGER, key_id="one", rpm=1, tpm=10)


async def test_each_key_has_a_window_of_its_own():
    limits = RateLimits()
    await limits.admit(HOLDER)
    await limits.admit(replace(HOLDER, key_id="two"))
    with pytest.raises(ApiError, match="may use 1 requests a minute"):
        await limits.admit(HOLDER)


async def test_a_key_without_limits_is_not_counted():
    limits = RateLimits()
    for holder in (MASTER, replace(HOLDER, rpm=None, tpm=None)):
        assert [await limits.admit(holder) for _ in range(3)] == [[], [], []]


async def test_a_request_that_has_no_tokens_left_does_not_count_as_one():
    limits = RateLimits()
    limits.count_tokens(HOLDER, 10)
    await asyncio.sleep(0)
    for _ in range(2):
        with pytest.raises(ApiError, match="10 tokens a minute"):
            await limits.admit(HOLDER)


async def test_serving_goes_on_while_redis_is_away(caplog):
    limits = RateLimits(f"redis://127.0.0.1:{free_port()}/0")
    assert [await limits.admit(HOLDER) for _ in range(2)] == [[], []]
    assert "rate limits not kept for the moment" in caplog.text
