"""Four server processes on one Valkey route as one: limits, breakers, probes, trips and in flight are those of all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from time import monotonic

import httpx
import pytest

from tests.databases import is_postgres
from tests.gateway.fleet import COOLDOWNS, MOST_WRONG_KEYS, PROCESSES, Fleet, fleet_in
from tests.pace import POLL_S, let_pass, slowness, within
from tests.servers import Console

pytestmark = pytest.mark.skipif(not is_postgres(), reason="four processes are enough once: with tests.services")


@pytest.fixture(scope="module")
def _fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet_in(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture
def fleet(_fleet: Fleet) -> Fleet:
    return _fleet.fresh()


async def asked_in_one_minute(fleet: Fleet, *rows: dict[str, int], times: int) -> tuple[Fleet, list[int]]:
    """The answers to so many requests that no minute of the store's clock has parted."""
    while True:
        group, began = fleet.add_group(*rows), fleet.store.minute
        statuses = await fleet.ask(group, times)
        if fleet.store.minute == began:
            return fleet, statuses
        fleet = fleet.fresh()


async def test_20_requests_a_minute_are_20_over_four_processes(fleet):
    fleet, statuses = await asked_in_one_minute(fleet, {"priority": 1, "rpm": 20}, times=60)
    assert (statuses.count(200), statuses.count(429), fleet.first.asked) == (20, 40, 20)


async def test_a_limit_that_is_used_up_sends_the_rest_to_the_next_tier(fleet):
    fleet, statuses = await asked_in_one_minute(fleet, {"priority": 1, "rpm": 10}, {"priority": 2}, times=40)
    assert (set(statuses), fleet.first.asked, fleet.rest.asked) == ({200}, 10, 30)


async def test_a_breaker_that_one_process_opens_is_open_in_all_and_a_reset_closes_it_in_all(fleet):
    group = fleet.add_group(cooldown_config={"cooldown_time_s": 60, "allowed_fails": 0})
    row = await fleet.shut_first(group)
    asked = fleet.first.asked
    assert set(await fleet.ask(group, 12)) == {200}
    assert (fleet.first.asked, row["state"]) == (asked, "open")
    fleet.first.status = 200
    assert fleet.consoles[3].call("DELETE", f"{COOLDOWNS}/{row['id']}")["processes"] == PROCESSES
    await all_ask_the_first(fleet, group)


async def all_ask_the_first(fleet: Fleet, group: str) -> None:
    for ours in fleet.consoles:
        before, ends_s = fleet.first.asked, monotonic() + 10
        while fleet.first.asked == before:
            assert await fleet.ask(group, 1, of=[ours]) == [200]
            assert monotonic() < ends_s, ours.url


async def test_one_request_of_all_processes_probes(fleet):
    group = fleet.add_group(cooldown_config={"cooldown_time_s": 3, "allowed_fails": 0})
    await fleet.shut_first(group)
    fleet.first.forget()
    fleet.first.hold()
    probing = [asyncio.create_task(fleet.ask(group, PROCESSES))]
    while not fleet.first.in_flight:
        await asyncio.sleep(POLL_S)
        if probing[-1].done():
            probing.append(asyncio.create_task(fleet.ask(group, PROCESSES)))
    others = fleet.rest.asked
    more = asyncio.create_task(fleet.ask(group, 24))
    assert await fleet.comes_true(lambda: fleet.rest.asked >= others + 24)
    assert (fleet.first.asked, fleet.first.in_flight) == (1, 1)
    fleet.first.release()
    assert set(await more) == {200}
    await asyncio.gather(*probing)


async def test_a_trip_by_hand_holds_in_all_processes_until_it_is_closed(fleet):
    """Also in a group that heeds no cooldowns, and although the upstream is well."""
    group = fleet.add_group(cooldown_config={"cooldown_time_s": 0})
    trip = {"deployment_id": fleet.models[0], "for_s": 600, "why": "It answers nonsense."}
    row = fleet.consoles[1].call("POST", COOLDOWNS, trip)
    assert (row["state"], row["groups"], row["cause"]) == ("open", [group], "It answers nonsense.")
    assert await fleet.comes_true(lambda: fleet.cooling(group).get("processes") == PROCESSES)
    assert set(await fleet.ask(group, 20)) == {200}
    assert (fleet.first.asked, fleet.rest.asked) == (0, 20)
    fleet.consoles[2].call("DELETE", f"{COOLDOWNS}/{row['id']}")
    await all_ask_the_first(fleet, group)


async def test_least_busy_counts_what_all_processes_have_in_flight(fleet):
    patient = {"num_retries": 0, "timeout_s": 300}  # on a busy machine each step takes its time
    group = fleet.add_group({"priority": 1}, {"priority": 1}, routing_strategy="least-busy", retry_config=patient)
    fleet.first.hold()
    fleet.rest.hold()
    running = []
    for number, ours in enumerate([*fleet.consoles, *fleet.consoles], start=1):
        running.append(asyncio.create_task(fleet.ask(group, 1, of=[ours])))
        assert await fleet.comes_true(lambda n=number: fleet.first.in_flight + fleet.rest.in_flight == n)
        await asyncio.to_thread(let_pass, 0.15)  # as long as news take; nothing shows that they have arrived
        assert abs(fleet.first.in_flight - fleet.rest.in_flight) <= 1
    fleet.first.release()
    fleet.rest.release()
    await asyncio.gather(*running)


async def test_nothing_hangs_while_the_store_is_away_and_breakers_are_shared_again_afterwards(fleet):
    limited = fleet.add_group({"priority": 1, "rpm": 10_000}, {"priority": 2})
    fleet = fleet.fresh()  # deployments that the load does not ask: only one process sees those fail
    group = fleet.add_group(cooldown_config={"cooldown_time_s": 60, "allowed_fails": 0})
    slowest_s, is_over = 0.0, asyncio.Event()

    async def load() -> None:
        nonlocal slowest_s
        while not is_over.is_set():
            began = monotonic()
            assert set(await fleet.ask(limited, PROCESSES)) == {200}
            slowest_s = max(slowest_s, monotonic() - began)

    loading = asyncio.create_task(load())
    fleet.store.stop()
    assert await fleet.comes_true(lambda: fleet.say_last("shared state is away"), 20)
    fleet.first.status = 500
    assert set(await fleet.ask(group, 6, of=fleet.consoles[:1])) == {200}
    assert await fleet.comes_true(lambda: fleet.cooling(group).get("processes") == 1)
    fleet.store.start_again()
    assert await fleet.comes_true(lambda: fleet.say_last("shared state is back"), 20)
    assert await fleet.comes_true(lambda: fleet.cooling(group).get("processes") == PROCESSES)
    is_over.set()
    await loading
    assert slowest_s < 5 * slowness()


def guessed(ours: Console, path: str = "/v1/models") -> int:
    """The status of a request with a wrong key."""
    return httpx.get(f"{ours.url}{path}", headers={"Authorization": "Bearer sk-rc-guess"}, timeout=60).status_code


def is_barred(ours: Console) -> bool:
    """Whether one more wrong key is refused unseen."""
    return guessed(ours) == 429


def test_wrong_keys_count_over_two_servers_and_bar_at_all_of_them_but_not_good_ones(fleet):
    first, second, *others = fleet.consoles
    for ours in (first, second) * (MOST_WRONG_KEYS // 2):
        guessed(ours)
    for ours in (first, second, *others):
        assert within(30, partial(is_barred, ours))
        assert guessed(ours, "/api/v1/llm/providers") == 429
        assert ours.send("GET", "/api/v1/llm/providers").status_code == 200
        assert ours.send("GET", "/v1/models").status_code == 200
