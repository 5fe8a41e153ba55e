"""The background loop that watches, and what the webhook hears of it, over sockets."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, OperationalError, connections

from gateway.background import alert_loop
from providers.models import Provider
from tests.factories import make_provider
from tests.fakes import Ok, ScriptedUpstream, Status
from tests.servers import console
from usage import alerting as alert_rules
from usage.models import Alert


async def _until(happened) -> None:
    for _ in range(1000):
        # Threads that share a SQLite database in memory do not wait for each other's tables, as they do for a file's.
        with suppress(OperationalError):
            if await sync_to_async(happened)():
                return
        await asyncio.sleep(0.01)
    pytest.fail("It did not happen within ten seconds.")


@pytest.mark.django_db(transaction=True)
async def test_a_server_that_runs_raises_and_resolves_by_itself():
    provider = await sync_to_async(make_provider)(failed_probes=3, error="Timeout")
    watching = asyncio.create_task(alert_loop.watch(every_s=0.01))
    await _until(lambda: Alert.objects.open().exists())
    await _until(lambda: Provider.objects.filter(pk=provider.pk).update(failed_probes=0))
    await _until(lambda: not Alert.objects.open().exists())
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert await Alert.objects.acount() == 1
    await sync_to_async(connections.close_all)()


async def test_a_database_that_is_away_does_not_end_the_loop(monkeypatch):
    calls, third = count(1), asyncio.Event()
    loop = asyncio.get_running_loop()

    def away() -> None:
        if next(calls) == 3:
            loop.call_soon_threadsafe(third.set)
        raise DatabaseError("away")

    monkeypatch.setattr(alert_rules, "settle", away)
    watching = asyncio.create_task(alert_loop.watch(every_s=0.001))
    await asyncio.wait_for(third.wait(), 30)
    watching.cancel()


@pytest.mark.django_db(transaction=True)
def test_the_webhook_hears_of_a_provider_that_is_down_and_up_again(tmp_path: Path):
    with (
        ScriptedUpstream(usual=Status(503)) as upstream,
        ScriptedUpstream() as hook,
        console(tmp_path, PROBE_INTERVAL_S="0.1", ALERT_WEBHOOK_URL=f"{hook.url}/h", ALERT_WEBHOOK_SECRET="s") as ours,
    ):
        ours.call("PUT", "/api/v1/llm/alerts/rules", {"rules": [{"kind": "provider_down", "threshold": 2}]})
        ours.add_model(provider="Probed", api_base=upstream.url)
        assert _heard(hook, 1) == ["alert.raised"]
        upstream.usual = Ok()
        assert _heard(hook, 2) == ["alert.raised", "alert.resolved"]
        (alert,) = ours.call("GET", "/api/v1/llm/alerts?state=resolved")["alerts"]
        assert (alert["kind"], alert["message"].startswith("Probed has failed")) == ("provider_down", True)


def _heard(hook: ScriptedUpstream, wanted: int) -> list[str]:
    deadline = time.monotonic() + 30
    while hook.count < wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return [exchange.body["event"] for exchange in hook.seen]
