"""Limits of a key that over the wire would take a broken Redis, or a minute."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from access.keys import MASTER, KeyHolder
from access.models import Role
from gateway.admission.rate_limits import RateLimits
from gateway.openai import ApiError
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


async def test_keys_of_one_person_and_of_one_team_share_their_limits():
    limits = RateLimits()
    one = KeyHolder("dora", Role.VIEWER, key_id="one", user_id=4, owner_rpm=2, team_id="red", team="red", team_rpm=3)
    other = replace(one, key_id="two", name="erin", user_id=5)
    for holder in (one, replace(one, key_id="three")):
        await limits.admit(holder)
    with pytest.raises(ApiError, match="All keys of dora together may use 2 requests a minute"):
        await limits.admit(replace(one, team_id=""))
    await limits.admit(other)
    with pytest.raises(ApiError, match="All keys of the team red together may use 3 requests a minute"):
        await limits.admit(other)


@pytest.mark.parametrize(
    ("key", "person", "team", "told"),
    [(9, 5, 7, (5, 4)), (2, 5, 7, (2, 1)), (None, None, 7, (7, 6)), (5, 5, 3, (3, 2))],
)
async def test_the_headers_tell_the_tightest_limit(key, person, team, told):
    holder = KeyHolder(
        *("dora", Role.VIEWER),
        key_id="one",
        rpm=key,
        owner_rpm=person,
        team_rpm=team,
        tpm=key,
        owner_tpm=person,
        team_tpm=team,
    )
    headers = dict(await RateLimits().admit(holder))
    limit, remaining = told
    assert headers[b"x-ratelimit-limit-requests"] == str(limit).encode()
    assert headers[b"x-ratelimit-remaining-requests"] == str(remaining).encode()
    assert headers[b"x-ratelimit-remaining-tokens"] == str(limit).encode()


async def test_tokens_count_for_key_person_and_team():
    limits = RateLimits()
    holder = KeyHolder("dora", Role.VIEWER, key_id="one", user_id=4, tpm=100, owner_tpm=50, team_id="red", team_tpm=10)
    limits.count_tokens(holder, 10)
    await asyncio.sleep(0)
    assert dict(await limits.admit(replace(holder, team_tpm=None)))[b"x-ratelimit-remaining-tokens"] == b"40"
    with pytest.raises(ApiError, match="10 tokens a minute"):
        await limits.admit(holder)


async def test_a_limit_that_is_changed_begins_no_new_minute():
    limits = RateLimits()
    for rpm in (3, 2):
        await limits.admit(replace(HOLDER, rpm=rpm))
    with pytest.raises(ApiError, match="may use 2 requests a minute"):
        await limits.admit(replace(HOLDER, rpm=2))


async def test_serving_goes_on_while_redis_is_away(caplog):
    limits = RateLimits(f"redis://127.0.0.1:{free_port()}/0")
    assert [await limits.admit(HOLDER) for _ in range(2)] == [[], []]
    assert "rate limits not kept for the moment" in caplog.text
