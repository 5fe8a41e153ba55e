"""What all lists share: their filters follow what is typed, and the heads of the table sort them."""

from __future__ import annotations

import re

import pytest

from tests.factories import make_group, make_model
from tests.page import html_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client, alice):
    client.force_login(alice)
    return client


def filters_in(html: str) -> str:
    (form,) = re.findall(r'<form class="filters.*?</form>', html, re.DOTALL)
    return form


@pytest.mark.parametrize(
    ("address", "target", "boxes"),
    [
        ("/groups", "#group-rows", ["q", "strategy", "status"]),
        ("/models", "#model-rows", ["q", "provider", "capability", "status"]),
        ("/people", "#person-rows", ["q", "role", "status"]),
        ("/keys", "#key-rows", ["q", "status", "team", "owner", "order"]),
        ("/teams", "#team-rows", ["q"]),
        ("/credits", "#credit-rows", ["q"]),
    ],
)
def test_the_filters_of_a_list_have_labels_and_ask_for_its_rows(page, address, target, boxes):
    form = filters_in(html_of(page.get(address)))
    assert re.findall(r' name="(\w+)"', form) == boxes
    assert re.findall(r'<label class="unseen" for="id_(\w+)">[^<]+</label>', form) == boxes
    assert f'hx-get="{address}" hx-target="{target}"' in form
    watched = [f"change from:#id_{name}" for name in boxes if name != "q"]
    assert f'hx-trigger="{", ".join(["input delay:250ms from:#id_q", *watched, "submit"])}"' in form


def test_who_sees_only_their_own_keys_is_not_asked_whose(client, charlie):
    client.force_login(charlie)
    assert re.findall(r' name="(\w+)"', filters_in(html_of(client.get("/keys")))) == ["q", "status", "order"]


@pytest.mark.parametrize("address", ["/groups", "/models"])
def test_the_head_of_a_column_sorts_by_it_and_then_turns_it_round(page, address):
    make_group()
    make_model()
    html = html_of(page.get(f"{address}?sort=name&q=&page=1"))
    assert 'aria-sort="ascending"' in html
    assert "sort=-name" in html
    assert 'aria-sort="descending"' in html_of(page.get(f"{address}?sort=-name"))
