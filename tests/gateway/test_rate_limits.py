"""Limits of a key that over the wire would take a broken Redis, or a minute."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from access.keys import MASTER, KeyHolder, limits_of
from access.models import Role
from engine.allowance.minute_limits import LimitReached, MinuteCounters
from gateway.admission import rate_limits
from gateway.admission.rate_limits import RateLimits
from gateway.openai import ApiError
from tests.servers import free_port
from tests.services import new_valkey

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


class Hung:
    """A way to Redis that hangs or fails, and how often it was gone."""

    def __init__(self) -> None:
        self.asked, self.is_back = 0, False

    async def fail(self, *_: object, **__: object) -> bool:
        self.asked += 1
        raise TimeoutError

    async def check(self) -> bool:
        return self.is_back


@pytest.fixture
def hung(monkeypatch) -> Hung:
    monkeypatch.setattr(rate_limits, "LOOKS_EVERY_S", 0)
    return Hung()


def cut_off(limits: RateLimits, hung: Hung) -> None:
    for name in ("hit", "test"):
        setattr(limits._shared, name, hung.fail)
    limits._storage.check = hung.check  # type: ignore[method-assign]


async def test_one_request_finds_out_that_redis_hangs_and_the_process_counts_by_itself(hung: Hung, caplog):
    limits = RateLimits()
    cut_off(limits, hung)
    assert dict(await limits.admit(HOLDER))[b"x-ratelimit-remaining-requests"] == b"0"
    for _ in range(3):
        with pytest.raises(ApiError, match="may use 1 requests a minute"):
            await limits.admit(HOLDER)
    limits.count_tokens(HOLDER, 3)
    await asyncio.sleep(0)
    assert hung.asked == 1
    assert "this process counts by itself" in caplog.text
    limits.stop()


async def test_keys_with_limits_are_refused_meanwhile_if_that_is_set(hung: Hung):
    limits = RateLimits(when_away="closed")
    cut_off(limits, hung)
    for _ in range(3):
        with pytest.raises(ApiError) as caught:
            await limits.admit(HOLDER)
        assert (caught.value.status, caught.value.code) == (503, "rate_limits_away")
    assert hung.asked == 1
    assert await limits.admit(MASTER) == []
    limits.stop()


async def test_redis_is_asked_again_once_a_look_has_found_it(hung: Hung, caplog):
    limits = RateLimits()
    cut_off(limits, hung)
    await limits.admit(HOLDER)
    looking, hung.is_back = limits._looking, True
    await looking
    await limits.admit(replace(HOLDER, key_id="two"))
    assert hung.asked == 2
    assert "rate limits are shared again" in caplog.text
    limits.stop()


async def test_serving_goes_on_while_nobody_listens_where_redis_should_be():
    limits = RateLimits(f"redis://127.0.0.1:{free_port()}/0")
    assert dict(await limits.admit(HOLDER))[b"x-ratelimit-remaining-requests"] == b"0"
    limits.stop()


async def test_no_connection_of_a_server_that_started_again_fails_a_request_more():
    server = new_valkey()
    server.start()
    port, limits = server.port, RateLimits(f"{server.connection_url}/0")
    try:
        many = [replace(HOLDER, key_id=str(number), rpm=1000, tpm=None) for number in range(20)]
        await asyncio.gather(*map(limits.admit, many))
        server.stop()
        await limits.admit(HOLDER)
        looking = limits._looking
        assert looking is not None
        server = new_valkey(port)
        server.start()
        async with asyncio.timeout(60):
            await looking
        await asyncio.gather(*map(limits.admit, many))
        assert limits._looking is None
    finally:
        limits.stop()
        with suppress(Exception):
            server.stop()


async def retry_after_of(limits: RateLimits, holder: KeyHolder) -> int | None:
    """What a refused request is told; None for one that is let in."""
    try:
        await limits.admit(holder)
    except ApiError as error:
        return int(dict(error.headers)[b"retry-after"])
    return None


async def test_counters_in_memory_of_a_rehearsal_count_as_those_of_the_gateway(monkeypatch):
    clock, rng = [1000.0], random.Random(4)
    monkeypatch.setattr(time, "time", lambda: clock[0])
    holder = replace(HOLDER, rpm=7, tpm=500, owner_rpm=10, team_tpm=900, user_id=1, team_id="t", team="T")
    ours, theirs, limits = MinuteCounters(), RateLimits(), limits_of(holder)
    refused = 0
    for _ in range(300):
        clock[0] += rng.choice((0, 0.5, 3, 9))
        try:
            ours.admit(limits, clock[0])
            told = None
        except LimitReached as reached:
            told, refused = reached.retry_after_s, refused + 1
        assert await retry_after_of(theirs, holder) == told
        if told is None:
            tokens = rng.randrange(200)
            ours.count_tokens(limits, tokens, clock[0])
            theirs.count_tokens(holder, tokens)
            await asyncio.gather(*theirs._counting)
    assert 50 < refused < 250
