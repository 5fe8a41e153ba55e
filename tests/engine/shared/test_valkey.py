"""Processes on one real Valkey: what each knows of the others, and what happens while it is away."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest
import redis.asyncio

from engine.core.actions import Ask, GiveUp
from engine.core.breaker import State
from engine.shared.messages import News, packed, unpacked
from engine.shared.store import StoreLink
from engine.shared.strikes import Strikes
from tests.engine.core.working import REFUSED, SERVER, shut
from tests.engine.shared.stores import Process, all_of, are_linked, becomes, process, processes
from tests.services import new_valkey, valkey


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with valkey() as url:
        yield url


@pytest.fixture
async def url(server: str) -> str:
    """An empty database."""
    client = redis.asyncio.Redis.from_url(server)
    await client.flushall()
    await client.aclose()
    return server


async def minute_has(url: str, seconds: float) -> None:
    """Waits for a minute of the server's clock that still lasts for so long."""
    client = redis.asyncio.Redis.from_url(url)
    left_s = 60 - (await client.time())[0] % 60
    await asyncio.sleep(left_s if left_s < seconds else 0)
    await client.aclose()


def open_breaker(one: Process, for_s: float = 30.0) -> None:
    shut(one.a.breaker, one.now, for_s, "3×503")


async def test_what_is_in_flight_elsewhere_is_known_soon_and_forgotten_when_it_ends(url):
    async with processes(url, 3) as (one, other, third):
        journey, ask = one.begin()
        other.begin()
        await becomes(lambda: [p.a.away for p in (one, other, third)], [1, 1, 2])
        journey.left(ask)
        await becomes(lambda: [p.a.away for p in (one, other, third)], [1, 0, 1])


async def test_a_process_that_says_nothing_any_more_has_nothing_in_flight(url):
    async with process(url, "stays") as one:
        async with process(url, "goes") as other:
            other.begin()
            await becomes(lambda: one.a.away, 1)
        await becomes(lambda: one.a.away, 0)


async def test_a_process_that_starts_knows_what_is_in_flight_and_which_breakers_are_open(url):
    async with process(url, "first") as one:
        one.begin()
        open_breaker(one)
        await becomes(lambda: one.store._view._known["deployment:a"].is_agreed, True)
        async with process(url, "second") as other:
            assert other.a.breaker.state(other.now) is State.OPEN
            assert other.a.breaker.until_s - other.now == pytest.approx(30, abs=2)
            await becomes(lambda: other.a.away, 1)


async def test_a_latency_that_one_process_measures_counts_in_all(url):
    async with processes(url) as (one, other):
        one.a.answered(one.now, 0.5, 2.0, 10)
        await becomes(lambda: (other.a.first_token.mean_s, other.a.token.mean_s), (0.5, 0.2))
        assert (other.a.token.untold, one.a.token.untold) == (0, 0)


async def test_a_breaker_opens_and_is_reset_in_all_processes_with_its_cause(url):
    async with processes(url, 4) as found:
        one = found[0]
        for _ in range(3):
            journey, ask = one.begin()
            journey.failed(ask, one.now, SERVER)
        for other in found:
            await becomes(other.is_a, State.OPEN)
            assert other.a.breaker.cause == "3×503"
        found[3].a.breaker.close()
        for other in found:
            await becomes(partial(getattr, other.a.breaker, "is_quiet"), True)


async def test_of_all_processes_one_probes(url):
    async with processes(url, 4) as found:
        open_breaker(found[0], 0.3)
        for one in found:
            await becomes(one.is_a, State.HALF_OPEN)
        begun = [(one, *one.begin()) for one in found]
        granted = [await one.store.claim(ask) for one, _, ask in begun]
        assert granted.count(True) == 1
        prober = begun[granted.index(True)]
        for one, journey, ask in begun:
            if one is not prober[0]:
                assert isinstance(journey.outrun(ask, one.now), GiveUp)
                assert one.a.breaker.state(one.now) is State.PROBING
        one, journey, ask = prober
        journey.answered(ask, one.now, 0.1, 1, 1)
        for other in found:
            await becomes(partial(getattr, other.a.breaker, "until_s"), 0.0)


async def test_a_probe_that_fails_keeps_the_deployment_shut_in_all_processes(url):
    async with processes(url) as (one, other):
        open_breaker(one, 0.2)
        await becomes(lambda: one.a.breaker.state(one.now), State.HALF_OPEN)
        await becomes(lambda: other.a.breaker.state(other.now), State.HALF_OPEN)
        journey, ask = one.begin()
        assert await one.store.claim(ask)
        journey.failed(ask, one.now, SERVER)
        await becomes(lambda: other.a.breaker.state(other.now), State.OPEN)


async def test_a_claim_outlives_neither_its_probe_nor_its_process(url):
    async with processes(url) as (one, other):
        open_breaker(one, 0.1)
        await becomes(lambda: other.a.breaker.state(other.now), State.HALF_OPEN)
        journey, ask = one.begin()
        assert await one.store.claim(ask)
        journey.left(ask)

        async def claimed() -> bool:
            await becomes(lambda: other.a.breaker.state(other.now), State.HALF_OPEN)
            journey, ask = other.begin()
            if await other.store.claim(ask):
                return True
            journey.outrun(ask, other.now)
            return False

        async with asyncio.timeout(10):
            while not await claimed():
                pass


async def claims(one: Process) -> bool:
    """Whether a request of this process is let through, and may probe; if so, its probe goes on."""
    journey, ask = one.begin()
    if not isinstance(ask, Ask):
        return False
    if not await one.store.claim(ask):
        journey.outrun(ask, one.now)
        return False
    return True


async def until_it_claims(one: Process, within_s: float = 10) -> float:
    """Seconds until a request of this process may probe."""
    began_s = one.now
    async with asyncio.timeout(within_s):
        while not await claims(one):  # noqa: ASYNC110  # it is a question to the server
            await asyncio.sleep(0.01)
    return one.now - began_s


async def test_a_probe_that_is_slow_bars_a_last_deployment_in_all_processes_for_no_longer_than_its_group_says(url):
    async with processes(url, last_s=0.5) as (one, other):
        open_breaker(one, 0.1)
        await becomes(other.is_a, State.HALF_OPEN)
        assert await claims(one)
        assert not await claims(other)
        assert 0.3 < await until_it_claims(other) < 3
        assert not await claims(one)


async def test_a_slow_probe_of_a_key_bars_all_processes_for_a_second(url):
    async with processes(url) as (one, other):
        key = one.a.provider.breaker
        key.failed(one.now, REFUSED, 0)
        key.hear(one.now, replace(key.say(one.now), left_s=0.1))
        await becomes(lambda: other.a.provider.breaker.until_s > 0, True)
        await becomes(lambda: other.a.provider.breaker.state(other.now), State.HALF_OPEN)
        await becomes(lambda: key.state(one.now), State.HALF_OPEN)
        assert await claims(one)
        assert not await claims(other)
        assert 0.5 < await until_it_claims(other) < 3


@pytest.mark.parametrize(("rpm", "sent"), [(20, 60), (1, 8), (300, 600)])
async def test_a_limit_a_minute_serves_exactly_that_over_four_processes(url, rpm, sent):
    async with processes(url, 4, rows={"a": {"rpm": rpm}}) as found:
        await minute_has(url, 20)
        assert await all_of([found[number % 4].ask() for number in range(sent)]) == rpm


async def test_a_lease_that_is_not_used_up_serves_others(url):
    async with processes(url, 4, rows={"a": {"rpm": 100}}) as found:
        await minute_has(url, 20)
        assert await all_of([one.ask() for one in found[:3]]) == 3
        assert await all_of([found[3].ask() for _ in range(120)]) == 97


async def test_a_request_of_a_lease_asks_nobody(url):
    async with processes(url, 1, rows={"a": {"rpm": 10_000}}) as (one,):
        await minute_has(url, 20)
        assert await one.ask()
        await one.store._redis.connection_pool.disconnect()
        journey, ask = one.begin()
        taking = one.store.take(ask)
        with pytest.raises(StopIteration) as ended:
            taking.send(None)
        assert ended.value.value is True
        journey.left(ask)


async def test_tokens_of_all_processes_count(url):
    async with processes(url, 2, rows={"a": {"tpm": 100}}) as (one, other):
        await minute_has(url, 20)
        journey, ask = one.begin()
        assert await one.store.take(ask)
        journey.answered(ask, one.now, 0.1, 10, 150)
        one.store.used(one.a, 150)

        tried = 0
        while await other.ask():
            tried += 1
            assert tried < 2000
            await asyncio.sleep(0.001)
        assert other.a.tokens >= 100


async def test_while_the_store_is_away_each_counts_by_itself_and_afterwards_all_know_what_is_open(caplog):
    server = new_valkey()
    server.start()
    port, url = server.port, f"{server.connection_url}/0"
    try:
        async with processes(url, 2, tiers=("ab",), rows={"b": {"rpm": 5}}) as found:
            one, other = found
            open_breaker(one, 60)
            await becomes(lambda: other.a.breaker.state(other.now), State.OPEN)
            server.stop()
            async with asyncio.timeout(30):
                assert [await one.ask() for _ in range(6)] == [True] * 5 + [False]
            await are_linked(found, StoreLink.AWAY)
            shut(other.state.healths()["b"].breaker, other.now, 60, "meanwhile")
            server = new_valkey(port)
            server.start()
            await are_linked(found, StoreLink.SHARING)
            await becomes(lambda: one.state.healths()["b"].breaker.state(one.now), State.OPEN)
            async with process(url, "late", tiers=("ab",)) as late:
                await becomes(lambda: late.a.breaker.state(late.now), State.OPEN)
    finally:
        with suppress(Exception):
            server.stop()


async def test_requests_that_wait_for_one_lease_wait_for_a_frozen_store_together():
    """If each of them waited for a second in its turn, the last of sixty would wait for a minute."""
    with valkey() as url:
        client = redis.asyncio.Redis.from_url(url)
        pid = (await client.info("server"))["process_id"]
        await client.aclose()
        async with process(url, "one", rows={"a": {"rpm": 1000, "tpm": 1_000_000}}) as one:
            os.kill(pid, signal.SIGSTOP)
            try:
                async with asyncio.timeout(30):
                    assert await asyncio.gather(*(one.ask() for _ in range(60))) == [True] * 60
            finally:
                os.kill(pid, signal.SIGCONT)


async def test_two_installations_in_one_database_share_nothing(url):
    limit = {"a": {"rpm": 5}}
    async with (
        process(url, "1", installation="x", rows=limit) as one,
        process(url, "2", installation="y", rows=limit) as two,
    ):
        await minute_has(url, 20)
        assert await two.ask()  # from now on its minute is the store's
        open_breaker(one)
        two.begin()
        async with process(url, "3", installation="x", rows=limit) as third:
            await becomes(lambda: third.is_a(), State.OPEN)
            assert (two.is_a(), third.a.away) == (State.CLOSED, 0)
        assert [await two.ask() for _ in range(4)] == [True] * 3 + [False]


async def test_strikes_are_told_to_the_others_once_and_not_to_oneself(url):
    async with processes(url, 2) as (one, other):
        heard: dict[str, list[tuple[str, int]]] = {"one": [], "other": []}
        one.store.strikes.hear = lambda *said: heard["one"].append(said)
        other.store.strikes.hear = lambda *said: heard["other"].append(said)
        for who in ("198.51.100.1", "198.51.100.1", "2001:db8::/64"):
            one.store.strikes.strike(who)
        other.store.strikes.strike("198.51.100.9")
        await becomes(lambda: dict(heard["other"]), {"198.51.100.1": 2, "2001:db8::/64": 1})
        await becomes(lambda: heard["one"], [("198.51.100.9", 1)])
        assert len(heard["other"]) == 2


def test_strikes_that_could_not_be_told_for_a_minute_are_forgotten():
    now = [0.0]
    strikes = Strikes(lambda: now[0])
    strikes.strike("a")
    now[0] = 30.0
    strikes.strike("b")
    now[0] = 61.0
    assert strikes.untold() == {"b": 1}
    assert strikes.untold() == {}


def test_news_of_strikes_that_make_no_sense_are_none():
    told = News("one", strikes={"198.51.100.1": 2})
    assert unpacked(packed(told)) == told
    for nonsense in (b'{"from": "one", "strikes": {"a": "many"}}', b'{"from": "one", "strikes": 7}'):
        with pytest.raises(ValueError):  # noqa: PT011  # whichever
            unpacked(nonsense)


async def is_bound(one: Process, wanted: str) -> None:
    async with asyncio.timeout(30):
        while await one.store.bound("talk") != wanted:  # noqa: ASYNC110  # it is another process that changes it
            await asyncio.sleep(0.005)


async def test_all_processes_know_where_a_conversation_was_answered_and_for_how_long(url):
    async with processes(url, 2) as (one, other):
        one.store.bind("talk", "a", ttl_s=60.0)
        assert await one.store.bound("talk") == "a"  # before the others know
        await is_bound(other, "a")
        other.store.bind("talk", "b", ttl_s=0.5)
        await is_bound(one, "b")
        await is_bound(one, "")


async def test_while_the_store_is_away_a_process_knows_its_own_conversations():
    server = new_valkey()
    server.start()
    try:
        async with processes(f"{server.connection_url}/0", 2) as found:
            found[0].store.bind("talk", "a", ttl_s=60.0)
            server.stop()
            await are_linked(found, StoreLink.AWAY)
            assert [await process.store.bound("talk") for process in found] == ["a", ""]
    finally:
        with suppress(Exception):
            server.stop()
