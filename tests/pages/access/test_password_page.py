"""The page on which a person changes their own password."""

from __future__ import annotations

import pytest

from access.models import MASTER_USER, Role, User
from tests.page import html_of

pytestmark = pytest.mark.django_db
OLD, NEW = "the-first-of-mine", "another-one-of-mine"


@pytest.fixture
def mine(dora):
    dora.set_password(OLD)
    dora.save()
    return dora


@pytest.fixture
def page(client, mine):
    client.force_login(mine)
    return client


def sent(**changes: str) -> dict[str, str]:
    return {"present": OLD, "password": NEW, "again": NEW, **changes}


def has_password(person: User, password: str) -> bool:
    person.refresh_from_db()
    return person.check_password(password)


def test_the_new_password_signs_in_and_this_session_goes_on(page, mine):
    answer = page.post("/account/password", sent(), follow=True)
    assert "Your password is changed." in html_of(answer)
    assert answer.redirect_chain == [("/account", 302)]
    assert has_password(mine, NEW)


def test_the_sessions_of_other_browsers_end(page, mine):
    other = type(page)()
    other.force_login(mine)
    page.post("/account/password", sent())
    assert other.get("/account").status_code == 302
    assert page.get("/account").status_code == 200


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"present": "not-mine-at-all"}, "This is not your current password."),
        ({"present": ""}, "Give the password you sign in with."),
        ({"again": "something-else"}, "The two new passwords differ."),
        ({"password": "short", "again": "short"}, "at least 10 characters"),
        ({"password": "password12", "again": "password12"}, "too common"),
        ({"password": "", "again": ""}, "Give the new password."),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_changes(page, mine, changes, why):
    answer = page.post("/account/password", sent(**changes))
    assert answer.status_code == 422
    assert why in html_of(answer)
    assert OLD not in html_of(answer)
    assert has_password(mine, OLD)


def test_guessing_the_current_password_locks_like_guessing_at_the_sign_in(page, mine, settings):
    settings.AXES_ENABLED = True
    answers = [page.post("/account/password", sent(present=f"guess-{n}")).status_code for n in range(6)]
    assert answers[0] == 422
    assert answers[-1] == 429
    assert has_password(mine, OLD)


def test_who_signs_in_with_the_master_key_is_told_where_it_is_changed(client):
    admin = User(username=MASTER_USER, role=Role.ADMIN)
    admin.set_unusable_password()
    admin.save()
    client.force_login(admin)
    assert "ROUTING_CONSOLE_MASTER_KEY" in html_of(client.get("/account/password"))
    assert "ROUTING_CONSOLE_MASTER_KEY" in html_of(client.post("/account/password", sent()))
    admin.refresh_from_db()
    assert not admin.has_usable_password()


def test_the_menu_leads_here_and_others_are_asked_to_sign_in(page, client):
    assert 'href="/account/password"' in html_of(page.get("/account"))
    assert type(client)().get("/account/password").url == "/sign-in?next=/account/password"
