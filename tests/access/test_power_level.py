"""A person's own power level: what plain `auto` means for them and their keys."""

from __future__ import annotations

import pytest

from access import actions
from access.keys import all_holders, hash_key
from access.models import PowerLevel
from providers import config_version
from tests.page import html_of

pytestmark = pytest.mark.django_db


def test_it_is_chosen_on_the_page_and_comes_with_every_key(client, alice, bob):
    _, key = actions.issue_key(by=alice, owner=bob, name="ci")
    before = config_version.current()
    client.force_login(bob)
    assert client.post("/power-level", {"level": "eco", "next": "/routing-rules"}).url == "/routing-rules"
    assert config_version.current() > before
    assert all_holders()[hash_key(key)].power_level == PowerLevel.ECO
    html = html_of(client.get("/routing-rules"))
    main = html[html.index("<main") :]  # the themes are chosen outside of it
    assert main.count('aria-pressed="true">') == 1
    assert "Your level" in html


def test_nothing_chosen_is_the_strategy_of_the_console(client, charlie):
    charlie.power_level = PowerLevel.PRECISION
    charlie.save()
    client.force_login(charlie)
    client.post("/power-level", {"level": ""})
    charlie.refresh_from_db()
    assert charlie.power_level == ""


def test_what_is_no_level_is_refused(client, bob):
    client.force_login(bob)
    assert client.post("/power-level", {"level": "turbo"}).status_code == 400
    assert client.get("/power-level").status_code == 405


def test_strangers_choose_nothing(client, dora):
    client.force_login(dora)
    assert client.post("/power-level", {"level": "eco"}).status_code == 403
