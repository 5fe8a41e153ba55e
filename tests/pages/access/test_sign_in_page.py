"""Signing in and out, the lock-out, the theme, the error pages."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from django.conf import settings
from django.test import Client

from tests.page import html_of

pytestmark = pytest.mark.django_db
SIGN_IN = "/sign-in"


def sign_in(client: Client, username: str, password: str, **more: str):
    return client.post(SIGN_IN, {"username": username, "password": password, **more})


@pytest.mark.parametrize("address", ["/groups", "/groups?q=a&status=active"])
def test_the_anonymous_are_asked_to_sign_in_and_come_back(client, alice, address):
    answer = client.get(address)
    assert answer.status_code == 302
    page = client.get(answer.url)
    assert "First time?" in html_of(page)
    alice.set_password("a long enough word")
    alice.save()
    assert sign_in(client, alice.username, "a long enough word", next=page.context["next"]).url == address


def test_the_root_asks_for_sign_in(client):
    assert client.get("/").url == "/sign-in?next=/"


def test_the_master_key_opens_the_door_for_the_user_admin(client):
    assert sign_in(client, "admin", settings.MASTER_KEY).url == "/"
    assert "Admin" in html_of(client.get("/groups"))


def test_the_log_says_who_signed_in_and_who_failed_to_and_never_what_was_typed(client, alice, caplog):
    alice.set_password("a long enough word")
    alice.save()
    with caplog.at_level("INFO"):
        sign_in(client, alice.username, "a wrong guess")
        sign_in(client, "a long enough word", "")
        sign_in(client, alice.username, "a long enough word")
        client.post("/sign-out")
    said = [record.msg for record in caplog.records if record.name == "pages.access.signing"]
    assert [(line["event"], line["user"]) for line in said] == [
        ("sign-in failed", alice.username),
        ("sign-in failed", "(unknown)"),
        ("signed in", alice.username),
        ("signed out", alice.username),
    ]
    assert "a long enough word" not in caplog.text
    assert "a wrong guess" not in caplog.text


def test_a_name_that_is_none_is_refused_like_any_other_and_not_looked_up(client, caplog):
    assert sign_in(client, "a\0b", "guess").status_code == 422
    assert [one.msg["user"] for one in caplog.records if one.name == "pages.access.signing"] == ["(unknown)"]


def test_a_wrong_password_is_said_plainly_and_the_name_is_kept(client, alice):
    answer = sign_in(client, alice.username, "guess")
    html = html_of(answer)
    assert answer.status_code == 422
    assert "don&#x27;t go together" in html
    assert f'value="{alice.username}"' in html
    assert "guess" not in html


def test_a_link_to_another_host_is_not_followed(client):
    assert sign_in(client, "admin", settings.MASTER_KEY, next="https://evil.example/").url == "/"


def test_too_many_failures_lock_the_name_and_say_until_when(client, alice):
    answers = [sign_in(client, alice.username, "guess") for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert [a.status_code for a in answers[:-1]] == [422] * (settings.AXES_FAILURE_LIMIT - 1)
    assert answers[-1].status_code == 429
    assert answers[-1].headers["Retry-After"] == "900"
    assert "15 minutes" in html_of(answers[-1])


def test_somebody_who_is_signed_in_does_not_sign_in_again(client, alice):
    client.force_login(alice)
    assert client.get(SIGN_IN).url == "/"


def test_signing_out_is_a_post(client, alice):
    client.force_login(alice)
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out").url == SIGN_IN
    assert "You are signed out." in html_of(client.get(SIGN_IN))
    assert client.get("/groups").status_code == 302


def test_the_theme_is_kept_in_a_cookie(client):
    answer = client.post("/theme", {"theme": "light", "next": "/sign-in?next=/groups"})
    assert answer.url == "/sign-in?next=/groups"
    assert 'data-theme="light"' in html_of(client.get(SIGN_IN))


@pytest.mark.parametrize(
    "bad", [{"theme": "<script>"}, {"next": "//evil.example"}, {"next": "https://evil.example"}, {}]
)
def test_a_nonsense_theme_changes_nothing_and_leads_home(client, bad):
    answer = client.post("/theme", bad)
    assert answer.url == "/"
    assert "theme" not in client.cookies


def test_a_stranger_gets_a_page_that_says_what_is_missing(client, dora):
    client.force_login(dora)
    answer = client.get("/groups")
    html = html_of(answer)
    assert answer.status_code == 403
    assert "you need the role viewer" in html
    assert "Sign in as somebody else" in html


def test_a_form_without_its_token_gets_a_page_that_explains(alice):
    client = Client(enforce_csrf_checks=True)
    answer = client.post(SIGN_IN, {"username": "admin", "password": "x"})
    assert answer.status_code == 403
    assert "This form has expired" in html_of(answer)


def test_an_unknown_address_gets_our_404(client):
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert "There is nothing here" in html_of(answer)


def test_the_error_pages_need_no_request():
    """Django renders 400 and 500 without one, in the worst moment."""
    from django.template.loader import render_to_string

    assert "Something broke" in render_to_string("500.html")
    assert "This request is not valid" in render_to_string("400.html")


def test_a_policy_without_inline_code_guards_every_page(client):
    policy = client.get(SIGN_IN).headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_guesses_at_the_admin_lock_out_nobody_who_has_the_master_key(client, db):
    answers = [sign_in(client, "admin", "guess") for _ in range(settings.AXES_FAILURE_LIMIT + 1)]
    assert answers[-1].status_code == 429
    assert sign_in(Client(), "admin", settings.MASTER_KEY).url == "/"


def test_an_invented_forwarded_address_does_not_begin_the_count_again(client, alice):
    for number in range(settings.AXES_FAILURE_LIMIT):
        form = {"username": alice.username, "password": "guess"}
        answer = client.post(SIGN_IN, form, headers={"x-forwarded-for": f"198.51.100.{number}"})
    assert answer.status_code == 429


def test_behind_a_trusted_balancer_only_the_caller_who_guessed_is_locked_out(client, alice, settings):
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    alice.set_password("a long enough word")
    alice.save()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        form = {"username": alice.username, "password": "guess"}
        client.post(SIGN_IN, form, headers={"x-forwarded-for": "198.51.100.1"})
    form = {"username": alice.username, "password": "a long enough word"}
    assert client.post(SIGN_IN, form, headers={"x-forwarded-for": "198.51.100.1"}).status_code == 429
    assert client.post(SIGN_IN, form, headers={"x-forwarded-for": "198.51.100.2"}).url == "/"


def test_another_master_key_ends_the_sessions_of_the_old_one(client, settings):
    sign_in(client, "admin", settings.MASTER_KEY)
    assert client.get("/groups").status_code == 200
    settings.MASTER_KEY = "sk-rc-master-another-one"
    assert client.get("/groups").status_code == 302


def test_signing_out_everywhere_ends_the_sessions_of_all_browsers_and_of_nobody_else(client, alice, bob):
    other, of_bob = Client(), Client()
    for browser, person in ((client, alice), (other, alice), (of_bob, bob)):
        browser.force_login(person)
    assert "Sign out everywhere" in html_of(client.get("/account"))
    assert client.post("/sign-out-everywhere").url == "/sign-in"
    assert other.get("/groups").status_code == 302
    assert of_bob.get("/groups").status_code == 200


def test_pages_say_what_browsers_need_not_offer(client):
    assert "camera=()" in client.get(SIGN_IN).headers["Permissions-Policy"]
