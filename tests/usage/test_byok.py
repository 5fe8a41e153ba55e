"""The BYOK panel: `/byok`, `/byok/{user}` and `/api/v1/llm/byok`."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from access.byok import keys
from access.models import OwnKey, User
from providers.models import Provider
from tests.factories import make_provider, make_user
from tests.page import HTMX, html_of, signed_in
from tests.usage.log import finished, log

pytestmark = pytest.mark.django_db
API = "/api/v1/llm/byok"
KEY = "sk-planted-0123456789abcdef1234"


@pytest.fixture
def provider() -> Provider:
    return make_provider(name="Ours", type="openai")


@pytest.fixture
def own_key(charlie: User, provider: Provider) -> OwnKey:
    return keys.store(by=charlie, user=charlie, provider=provider, key=KEY)[0]


@pytest.fixture
def requests(own_key: OwnKey) -> None:
    """Two with charlie's own key, one with the system's, one with a key that is gone, one of long ago."""
    by_charlie: dict[str, Any] = {"owner": "charlie", "provider": "Ours", "cost_usd": 0.25}
    log(
        finished(**by_charlie, is_own_key=True),
        finished(**by_charlie, is_own_key=True, days_ago=20),
        finished(**by_charlie),
        finished(owner="dora", provider="Ours", cost_usd=1.0, is_own_key=True),
        finished(**by_charlie, is_own_key=True, days_ago=40),
    )


admin = signed_in("alice")


def test_the_api_counts_people_requests_and_what_was_saved(as_alice, charlie, provider, requests):
    body = as_alice.get(API).json()
    (line,) = body.pop("users")
    assert body == {
        "period": "30d",
        "users_with_own_keys": 1,
        "providers": 1,
        "keys": 1,
        "requests": 3,
        "saved_usd": 1.5,
        "total": 1,
        "page": 1,
        "size": 50,
    }
    assert (line["user"], line["requests"], line["saved_usd"]) == ({"id": charlie.pk, "username": "charlie"}, 2, 0.5)
    brought = {"id": str(provider.pk), "name": "Ours", "type": "openai"}
    assert line["keys"] == [{"provider": brought, "key": "sk-…****1234", "status": "untested"}]


def test_the_api_is_searched_and_paged(as_alice, own_key):
    assert as_alice.get(f"{API}?q=dor").json()["total"] == 0
    assert as_alice.get(f"{API}?size=1&page=2").json()["users"] == []
    assert as_alice.get(f"{API}?size=0").status_code == 400


def test_the_panel_shows_the_same_numbers_and_nobodys_key(admin, requests):
    html = html_of(admin.get("/byok"))
    assert [text in html for text in ("charlie", "Ours", "$1.50", "$0.50")] == [True] * 4
    assert "planted" not in html


def test_the_panel_without_keys_says_how_to_begin(admin):
    assert "There are no BYOK keys yet" in html_of(admin.get("/byok"))


def test_htmx_gets_the_people_that_match(admin, own_key):
    html = html_of(admin.get("/byok?q=CHAR", headers=HTMX))
    assert html.lstrip().startswith('<div id="bringers">')
    assert "charlie" in html
    assert "Nobody matches" in html_of(admin.get("/byok?q=nobody", headers=HTMX))


def test_a_person_has_a_page_with_each_key_and_its_use(admin, charlie, own_key, requests):
    html = html_of(admin.get(f"/byok/{charlie.pk}"))
    assert "2 requests with BYOK keys" in html
    assert [text in html for text in ("sk-…****1234", "Not tested", "the request fails", "$0.50")] == [True] * 4
    assert f"/account/own-keys/{own_key.pk}/forget" in html
    own_key.delete()
    assert "No BYOK keys" in html_of(admin.get(f"/byok/{charlie.pk}"))
    assert admin.get("/byok/0").status_code == 404


@pytest.mark.parametrize("path", ["/byok", "/byok/1"])
def test_the_pages_are_for_admins(client, bob, charlie, dora, path):
    for person in (bob, charlie, dora):
        client.force_login(person)
        assert client.get(path).status_code == 403
    assert Client().get(path).status_code == 302


def test_the_api_is_for_admins_to_read(as_alice, as_bob, as_charlie, as_dora, as_nobody):
    assert {client.get(API).status_code for client in (as_bob, as_charlie, as_dora)} == {403}
    assert (as_nobody.get(API).status_code, as_alice.post(API).status_code) == (401, 405)


def test_many_people_take_the_same_queries(as_alice, requests, django_assert_max_num_queries):
    for _ in range(5):
        person = make_user()
        keys.store(by=person, user=person, provider=make_provider(), key=KEY)
    # The bearer key and its owner's teams, the people, their number, their keys; three counts; three of the buckets.
    with django_assert_max_num_queries(11):
        as_alice.get(API)
