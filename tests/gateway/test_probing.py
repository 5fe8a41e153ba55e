"""The background prober: what is due, one process at a time, alerts after three failures, gone at once."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import DatabaseError
from django.utils import timezone

from gateway.background.probing import Prober
from providers.models import Probe, Provider
from tests.factories import make_provider
from tests.fakes import Hang, Ok, ScriptedUpstream, Status
from tests.odd_servers import Paths, saw_request
from tests.pace import Stopwatch
from tests.servers import console
from usage.models import Alert, RequestRecord

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(upstream: ScriptedUpstream) -> Provider:
    return make_provider(name="Nebius", api_base=upstream.url, next_probe_at=timezone.now())


async def _in_thread(work):
    return await sync_to_async(work, thread_sensitive=True)()


def prober(interval_s: float = 300) -> Prober:
    return Prober(_in_thread, interval_s=interval_s, rng=random.Random(1))


def turn() -> None:
    """One turn, with everything due."""
    Provider.objects.exclude(next_probe_at=None).update(next_probe_at=timezone.now() - timedelta(seconds=1))
    async_to_sync(prober().turn)()


def test_a_turn_probes_what_is_due_and_counts_as_no_traffic(provider, upstream):
    turn()
    provider.refresh_from_db()
    assert (provider.status, provider.latency_ms is not None) == ("active", True)
    assert provider.next_probe_at > timezone.now() + timedelta(seconds=200)
    assert upstream.seen[0].path == "/v1/models"
    assert not RequestRecord.objects.exists()


def test_the_first_probe_also_asks_which_dialects_are_spoken(provider, upstream):
    upstream.usual = Paths({"/v1/models": Ok(), "/v1/chat/completions": Status(422)})
    turn()
    provider.refresh_from_db()
    assert provider.dialects_probed == {"chat": True, "responses": False, "messages": False}
    assert upstream.count == 5
    turn()
    assert upstream.count == 6


def test_what_is_not_due_is_left_alone(provider, upstream):
    turn()
    asked = upstream.count
    async_to_sync(prober().turn)()
    assert upstream.count == asked


def test_three_failures_in_a_row_raise_one_alert_and_a_success_ends_it(provider, upstream):
    upstream.script(*[Status(503, message="down for repair")] * 4)
    for raised in (0, 0, 1, 1):
        turn()
        assert Alert.objects.open().count() == raised
    alert = Alert.objects.get()
    assert (alert.kind, alert.subject) == ("provider_down", str(provider.id))
    assert "Nebius has failed 4 probes in a row" in alert.message
    assert "down for repair" in alert.message
    turn()
    assert (Alert.objects.open().count(), Alert.objects.count()) == (0, 1)


def test_the_alert_of_a_provider_that_is_switched_off_or_deleted_ends(provider, upstream):
    upstream.script(*[Status(503)] * 3)
    for _ in range(3):
        turn()
    Provider.objects.update(enabled=False)
    turn()
    assert not Alert.objects.open().exists()


def test_one_provider_that_hangs_does_not_hold_up_the_others(provider, upstream):
    with ScriptedUpstream(usual=Hang()) as hanging:
        make_provider(name="Hanging", api_base=hanging.url, next_probe_at=timezone.now())

        async def until_the_other_is_done() -> None:
            calls, recorded = count(1), asyncio.Event()

            async def watched(work):
                result = await _in_thread(work)
                if next(calls) == 2:  # after the claim
                    recorded.set()
                return result

            turning = asyncio.create_task(Prober(watched, interval_s=300).turn())
            await asyncio.wait_for(recorded.wait(), 30)
            turning.cancel()

        async_to_sync(until_the_other_is_done)()
    assert Probe.objects.get().provider == provider


def test_cancelling_stops_a_probe_under_way_at_once(provider, upstream):
    upstream.usual = Hang()

    async def stop_in_the_middle() -> float:
        turning = asyncio.create_task(prober().turn())
        assert await asyncio.to_thread(saw_request, upstream)
        watch = Stopwatch()
        turning.cancel()
        await asyncio.gather(turning, return_exceptions=True)
        return watch.elapsed_s

    assert async_to_sync(stop_in_the_middle)() < 1


async def test_an_interval_of_zero_is_off():
    await asyncio.wait_for(prober(interval_s=0).run(), 30)


async def test_a_database_that_is_away_does_not_end_the_loop():
    calls, third_call = count(1), asyncio.Event()

    async def away(work):
        if next(calls) == 3:
            third_call.set()
        raise DatabaseError("away")

    running = asyncio.create_task(Prober(away, interval_s=0.001).run())
    await asyncio.wait_for(third_call.wait(), 30)
    running.cancel()


@pytest.mark.django_db(transaction=True)
def test_the_server_probes_by_itself_and_stops_within_a_second(tmp_path: Path):
    with ScriptedUpstream() as upstream, console(tmp_path, PROBE_INTERVAL_S="0.2") as ours:
        ours.add_model(provider="Probed", api_base=upstream.url)
        deadline = time.monotonic() + 20
        while upstream.count < 7 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [one.path for one in upstream.seen].count("/v1/models") >= 3
        upstream.usual = Hang()
        while upstream.in_flight == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        watch = Stopwatch()
        ours.process.terminate()
        ours.process.wait(10)
        assert watch.elapsed_s < 3
