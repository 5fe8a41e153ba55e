"""`/account/own-keys` and the section it shares with the account page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from access.byok import keys
from access.models import OwnKey, User
from providers.models import Provider
from tests.factories import make_provider
from tests.fakes import ScriptedUpstream, Status
from tests.page import HTMX, html_of, signed_in

pytestmark = pytest.mark.django_db
URL = "/account/own-keys"
KEY = "sk-planted-0123456789abcdef1234"


@pytest.fixture
def provider() -> Provider:
    return make_provider(name="Ours")


@pytest.fixture
def own_key(charlie: User, provider: Provider) -> OwnKey:
    return keys.store(by=charlie, user=charlie, provider=provider, key=KEY)[0]


browser = signed_in("charlie")


@pytest.fixture
def upstream(own_key: OwnKey) -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        Provider.objects.update(api_base=running.url)
        yield running


def typed(provider: Provider, **changes: str) -> dict[str, str]:
    return {"provider": str(provider.pk), "api_key": KEY, "next": "/account", **changes}


def test_a_stranger_stores_a_key_without_javascript(client, dora, provider):
    client.force_login(dora)
    assert "Add your first" in html_of(client.get(URL))
    answer = client.post(URL, typed(provider, may_fall_back="on"))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account")
    row = OwnKey.objects.get(user=dora)
    assert (row.provider, row.may_fall_back) == (provider, True)


def test_htmx_gets_the_section_with_the_new_key_by_its_hint(browser, provider):
    html = html_of(browser.post(URL, typed(provider), headers=HTMX))
    assert html.lstrip().startswith('<section class="card own-keys"')
    assert ("sk-…****1234" in html, KEY in html, "use your key from now on" in html) == (True, False, True)


def test_a_form_that_is_wrong_comes_back_as_it_was_without_the_key(browser, provider):
    for headers in ({}, HTMX):
        answer = browser.post(URL, typed(provider, api_key=f"{KEY}é", may_fall_back="on"), headers=headers)
        html = html_of(answer)
        assert answer.status_code == 422
        assert "printable ASCII" in html
        assert (f'value="{provider.pk}" selected' in html, "checked" in html, KEY in html) == (True, True, False)


def test_what_is_missing_is_said_beside_its_field(browser):
    answer = browser.post(URL, {"provider": "", "api_key": ""})
    assert answer.status_code == 422
    assert {"provider", "api_key"} == answer.context["own_keys"].form.errors.keys()


def test_replacing_begins_with_the_provider_chosen(browser, own_key, provider):
    html = html_of(browser.get(f"{URL}?provider={provider.pk}"))
    assert "Replace your key for Ours" in html
    assert f'value="{provider.pk}" selected' in html


def test_a_test_shows_how_it_went(browser, own_key, upstream):
    url = f"{URL}/{own_key.pk}/test"
    assert "Active" in html_of(browser.post(url, headers=HTMX))
    upstream.script(Status(401, message=f"Incorrect API key provided: {KEY}"))
    html = html_of(browser.post(url, {"next": URL}, follow=True))
    assert ("Failed" in html, "Invalid API key" in html, KEY in html) == (True, True, False)


def test_falling_back_is_a_switch(browser, own_key):
    html = html_of(browser.post(f"{URL}/{own_key.pk}/fall-back", {"may_fall_back": "1"}, headers=HTMX))
    assert 'aria-checked="true"' in html
    browser.post(f"{URL}/{own_key.pk}/fall-back", {"may_fall_back": "0"})
    own_key.refresh_from_db()
    assert not own_key.may_fall_back


def test_a_key_is_deleted_once_somebody_is_sure(browser, own_key):
    url = f"{URL}/{own_key.pk}/forget"
    assert "Delete the key for Ours?" in html_of(browser.post(url, {"next": "/account"}))
    assert browser.post(url, headers=HTMX).headers["HX-Retarget"] == "#dialogs"
    assert OwnKey.objects.exists()
    assert browser.post(url, {"next": "/account", "sure": "1"}).headers["Location"] == "/account"
    assert not OwnKey.objects.exists()


def test_the_keys_of_others_are_not_there(client, bob, own_key):
    client.force_login(bob)
    assert "sk-…****1234" not in html_of(client.get(URL))
    assert {client.post(f"{URL}/{own_key.pk}/{verb}").status_code for verb in ("test", "fall-back")} == {404}
    assert client.post(f"{URL}/{own_key.pk}/forget", {"sure": "1"}).status_code == 403
    assert OwnKey.objects.exists()


def test_an_admin_deletes_the_key_of_somebody_who_left(client, alice, own_key):
    client.force_login(alice)
    assert "charlie&#x27;s own key for Ours" in html_of(client.post(f"{URL}/{own_key.pk}/forget"))
    client.post(f"{URL}/{own_key.pk}/forget", {"sure": "1"})
    assert not OwnKey.objects.exists()


def test_the_anonymous_sign_in_first_and_wrong_methods_are_refused(client, browser, own_key):
    assert Client().get(URL).headers["Location"].startswith("/sign-in")
    assert {browser.get(f"{URL}/{own_key.pk}/{verb}").status_code for verb in ("test", "fall-back", "forget")} == {405}


def test_without_providers_it_says_what_is_missing(browser):
    assert "no provider in service yet" in html_of(browser.get(URL))


def test_many_keys_take_the_same_queries(browser, charlie, django_assert_num_queries):
    for _ in range(5):
        keys.store(by=charlie, user=charlie, provider=make_provider(), key=KEY)
    with django_assert_num_queries(6):  # session, person, alerts, keys, whether there are providers, those to choose
        browser.get(URL)
