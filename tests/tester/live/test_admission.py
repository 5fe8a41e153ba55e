"""Who may open the socket of a run, and what the others are told."""

from __future__ import annotations

import pytest
from channels.testing import WebsocketCommunicator

from routing_console.asgi import sockets
from tests.tester.live.page import HOST, ORIGIN, bearer_of, closing_of, in_thread, page, session_of

pytestmark = pytest.mark.django_db(transaction=True)


async def test_without_a_session_or_a_key_it_stays_shut(run):
    assert (await closing_of(run.pk, [HOST, ORIGIN]))[0] == 4401
    for header in (b"Bearer sk-rc-unknown", b"Bearer", b"Basic abc"):
        code, reason = await closing_of(run.pk, [(b"authorization", header)])
        assert (code, "Bearer KEY" in reason) == (4401, True)


async def test_a_stranger_may_not_watch(run, dora):
    for headers in (bearer_of, session_of):
        code, reason = await closing_of(run.pk, [*await in_thread(headers)(dora), ORIGIN])
        assert (code, "role viewer" in reason) == (4403, True)


async def test_a_session_may_watch_from_our_own_pages(run, charlie):
    async with page(run, [*await in_thread(session_of)(charlie), ORIGIN]) as seen:
        assert (await seen.frame())["n"] == 1


@pytest.mark.parametrize("origin", [b"http://evil.example", b"null", b"", b"http://testserver.evil.example"])
async def test_a_session_may_not_watch_from_elsewhere(run, charlie, origin):
    headers = [*await in_thread(session_of)(charlie), (b"origin", origin)]
    assert (await closing_of(run.pk, headers))[0] == 4403


@pytest.mark.parametrize(
    ("allowed", "origin", "is_allowed"),
    [
        (["*"], b"http://evil.example", False),
        (["*"], b"http://testserver", True),
        (["testserver", "console.example"], b"https://console.example", True),
        ([".example"], b"https://console.example", True),
    ],
)
async def test_allowed_hosts_are_allowed_origins_but_a_star_names_none(
    run, charlie, settings, allowed, origin, is_allowed
):
    settings.ALLOWED_HOSTS = allowed
    headers = [*await in_thread(session_of)(charlie), (b"origin", origin)]
    if not is_allowed:
        assert (await closing_of(run.pk, headers))[0] == 4403
        return
    async with page(run, headers) as seen:
        assert (await seen.frame())["n"] == 1


async def test_a_trusted_origin_is_allowed(run, charlie, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://portal.example"]
    async with page(run, [*await in_thread(session_of)(charlie), (b"origin", b"https://portal.example")]) as seen:
        assert (await seen.frame())["n"] == 1


@pytest.mark.parametrize("run_id", ["6f1e8b4e-0000-4000-8000-000000000000", "no-id"])
async def test_what_is_not_there_is_not_found(key, run_id):
    assert await closing_of(run_id, key) == (4404, "There is no run with this id.")


async def test_a_bad_address_says_what_is_bad(run, key):
    assert await closing_of(run.pk, key, speed=3) == (4400, 'speed: this must be 1, 10 or "max".')
    assert (await closing_of(run.pk, key, view="film"))[0] == 4400


async def test_another_address_is_refused():
    seen = WebsocketCommunicator(sockets, "/ws/elsewhere/")
    assert (await seen.connect())[0] is False
