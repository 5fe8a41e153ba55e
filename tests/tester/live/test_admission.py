"""The right to open the socket of a run, and the answers to others."""

from __future__ import annotations

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.sessions.models import Session

from access.models import ApiKey, Role
from routing_console.asgi import sockets
from tester import consumers
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


async def test_a_key_that_may_not_read_may_not_watch(run, charlie):
    headers = await in_thread(bearer_of)(charlie)
    await ApiKey.objects.aupdate(scopes=["call", "write"])
    assert await closing_of(run.pk, headers) == (4403, "To watch runs a key needs the scope 'read'.")


async def test_a_session_may_watch_from_our_own_pages(run, charlie):
    async with page(run, [*await in_thread(session_of)(charlie), ORIGIN]) as seen:
        assert (await seen.frame())["n"] == 1


@pytest.mark.parametrize(
    "origin", [b"http://evil.example", b"null", b"", b"http://testserver.evil.example", b"http://testserver:9"]
)
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
    assert await closing_of(run.pk, key, speed=3) == (4400, 'speed: this must be 1, 5, 10, 20 or "max".')
    assert (await closing_of(run.pk, key, view="film"))[0] == 4400


async def test_another_address_is_refused():
    seen = WebsocketCommunicator(sockets, "/ws/elsewhere/")
    assert (await seen.connect())[0] is False


@pytest.fixture
def often(monkeypatch):
    """Rights are checked again at once, not after half a minute."""
    monkeypatch.setattr(consumers, "ADMIT_AGAIN_EVERY_S", 0.02)


async def ended(seen) -> int:
    await seen.frame()
    return (await seen.closing())[0]


async def test_a_revoked_key_ends_the_show(run, charlie, often):
    async with page(run, await in_thread(bearer_of)(charlie)) as seen:
        await in_thread(ApiKey.objects.update)(revoked_at=run.created_at)
        assert await ended(seen) == 4401


@pytest.mark.parametrize(("lost", "code"), [({"role": Role.STRANGER}, 4403), ({"is_active": False}, 4401)])
async def test_a_viewer_who_loses_the_right_sees_no_more(run, charlie, often, lost, code):
    async with page(run, [*await in_thread(session_of)(charlie), ORIGIN]) as seen:
        await in_thread(type(charlie).objects.filter(pk=charlie.pk).update)(**lost)
        assert await ended(seen) == code


async def test_a_viewer_who_signs_out_sees_no_more(run, charlie, often):
    async with page(run, [*await in_thread(session_of)(charlie), ORIGIN]) as seen:
        await in_thread(Session.objects.all().delete)()
        assert await ended(seen) == 4401


async def test_a_viewer_who_keeps_the_right_goes_on_watching(run, charlie, often):
    async with page(run, [*await in_thread(session_of)(charlie), ORIGIN]) as seen:
        await seen.frame()
        assert await seen.receive_nothing(0.3)
