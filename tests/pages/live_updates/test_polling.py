"""`/ws/changes/`: who may follow, and what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator

from pages.live_updates import consumers, polling
from pages.live_updates.polling import Follower, WatchedState, news_between
from providers import config_version
from providers.models import Provider
from routing_console.asgi import sockets
from tester.consumers import PING, PONG
from tester.models import Run
from tests.factories import make_provider
from tests.tester.live.page import ORIGIN, bearer_of, session_of
from tests.usage.log import finished, log
from usage.alerting import alerts
from usage.models import AlertKind

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(polling.follower, "_tick_s", 0.02)


def socket(headers) -> WebsocketCommunicator:
    return WebsocketCommunicator(sockets, "/ws/changes/", headers=headers)


async def closing_of(headers) -> tuple[int, str]:
    page = socket(headers)
    assert (await page.connect(5))[0]
    closing = await page.receive_output(5)
    await page.disconnect()
    return closing["code"], closing["reason"]


async def followed(page: WebsocketCommunicator) -> None:
    """Until the first look was made: only what comes after it is news."""
    assert (await page.connect(5))[0]
    for _ in range(100):
        if polling.follower._mailboxes:
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)


async def test_who_is_nobody_a_stranger_or_another_sites_page_is_closed(dora, charlie):
    assert (await closing_of([ORIGIN]))[0] == 4401
    code, reason = await closing_of(await sync_to_async(bearer_of)(dora))
    assert (code, "see providers" in reason) == (4403, True)
    evil = [*await sync_to_async(session_of)(charlie), (b"origin", b"http://evil.example")]
    assert (await closing_of(evil))[0] == 4403


async def test_all_viewers_are_told_of_a_change_by_one_follower(charlie):
    headers = [*await sync_to_async(session_of)(charlie), ORIGIN]
    one, other = socket(headers), socket(headers)
    await followed(one)
    await followed(other)
    await sync_to_async(config_version.bump)()
    for page in (one, other):
        assert await page.receive_json_from(5) == {"changed": "providers"}
    assert len(polling.follower._mailboxes) == 2
    for page in (one, other):
        await page.disconnect()
    assert polling.follower._task is None


async def test_a_provider_that_fails_and_an_alert_are_told(charlie):
    provider = await sync_to_async(make_provider)()
    page = socket([*await sync_to_async(session_of)(charlie), ORIGIN])
    await followed(page)
    await Provider.objects.filter(pk=provider.pk).aupdate(error="Timeout")
    assert await page.receive_json_from(5) == {"changed": "providers"}
    raise_alert = sync_to_async(alerts.raise_alert)
    await raise_alert(kind=AlertKind.PROVIDER_DOWN, subject=str(provider.pk), message="It is down.")
    assert await page.receive_json_from(5) == {"changed": "alerts"}
    assert await page.receive_json_from(5) == {"alert": "It is down."}
    await page.disconnect()


async def test_a_request_and_a_run_are_told_also_when_the_request_began_before_the_newest(charlie):
    write = sync_to_async(log)
    await write(finished())
    page = socket([*await sync_to_async(session_of)(charlie), ORIGIN])
    await followed(page)
    await write(finished(days_ago=0.01))
    assert await page.receive_json_from(5) == {"changed": "requests"}
    await Run.objects.acreate(group_name="g", group_revision=1, scenario="s", seed=1, created_by="bob")
    assert await page.receive_json_from(5) == {"changed": "runs"}
    await page.disconnect()


async def test_a_viewer_who_loses_the_right_is_disconnected(charlie, monkeypatch):
    monkeypatch.setattr(consumers, "ADMIT_AGAIN_EVERY_S", 0.1)
    page = socket([*await sync_to_async(session_of)(charlie), ORIGIN])
    await followed(page)
    charlie.role = ""
    await charlie.asave()
    assert (await page.receive_output(5))["code"] == 4403
    await page.disconnect()


async def test_a_page_that_asks_is_told_that_changes_are_followed_and_nothing_while_they_are_not(charlie, monkeypatch):
    page = socket([*await sync_to_async(session_of)(charlie), ORIGIN])
    await followed(page)
    await page.send_to(text_data=PING)
    assert await page.receive_from(5) == PONG
    await page.send_to(text_data='{"ping":false}')
    with monkeypatch.context() as away:
        away.setattr(polling.follower, "_look", _away)
        await _until(lambda: not polling.follower.is_looking)
        await page.send_to(text_data=PING)
        assert await page.receive_nothing(0.05)
    await _until(lambda: polling.follower.is_looking)
    await page.send_to(text_data=PING)
    assert await page.receive_from(5) == PONG
    await page.disconnect()


async def _away() -> WatchedState:
    raise OSError("away")


async def _until(holds: Callable[[], bool]) -> None:
    for _ in range(3000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within half a minute")


async def test_a_look_that_fails_is_made_again():
    sights: Iterator[WatchedState | OSError] = iter([WatchedState(1), OSError("away"), WatchedState(2)])

    async def look() -> WatchedState:
        seen = next(sights, WatchedState(2))
        if isinstance(seen, Exception):
            raise seen
        return seen

    async with Follower(look, tick_s=0.0).watch() as mailbox:
        assert await asyncio.wait_for(mailbox.get(), 30) == {"changed": "providers"}


def test_an_acknowledgement_is_news_of_alerts_and_no_new_alert():
    before = WatchedState(1, alerts={1: "a"})
    assert news_between(before, replace(before, acknowledged=frozenset({1}))) == [{"changed": "alerts"}]


def test_what_is_the_same_is_no_news():
    assert news_between(WatchedState(1), WatchedState(1)) == []
    assert news_between(WatchedState(1), WatchedState(1, cooldowns=((1,),))) == [{"changed": "cooldowns"}]
    assert news_between(WatchedState(1, alerts={1: "a"}), WatchedState(1)) == [{"changed": "alerts"}]
