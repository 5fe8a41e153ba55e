"""The differences between the price map of today and what was accepted of it."""

from __future__ import annotations

import pytest

from pages.models import catalog_news
from providers.actions import create_model
from providers.models import LanguageModel
from tests.factories import make_provider
from tests.page import HTMX, html_of, signed_in

pytestmark = pytest.mark.django_db
URL = "/models/news"


@pytest.fixture(autouse=True)
def _of_this_test():
    """Each test begins with its own configuration version."""
    catalog_news._updates_at.cache_clear()


page = signed_in("alice")


@pytest.fixture
def model(alice) -> LanguageModel:
    """One whose price was 5 when it was accepted."""
    made = create_model(by=alice, provider=make_provider(type="openai", api_base="", name="OpenAI"), name="gpt-4o")
    entry = {**made.catalog_entry, "output_cost_per_million": "5", "capabilities": ["chat"]}
    LanguageModel.objects.filter(pk=made.pk).update(output_cost_per_million=5, catalog_entry=entry)
    return made


def test_both_values_stand_side_by_side(page, model):
    html = html_of(page.get(URL))
    for text in ("gpt-4o", "<del>$5.00</del> <ins>$10.00</ins>", "<del>chat</del>"):
        assert text in html, text


def test_what_is_accepted_is_taken_over(page, model):
    html = html_of(page.post(URL, {"ids": [model.pk], "do": "accept", "next": URL}, follow=True))
    assert "1 model brought up to date." in html
    assert "Everything is up to date" in html
    model.refresh_from_db()
    assert model.output_cost_per_million == 10


def test_what_is_declined_stays_and_is_no_news_any_more(page, model):
    html = html_of(page.post(URL, {"ids": [model.pk], "do": "decline", "next": URL}, follow=True))
    assert "Everything is up to date" in html
    model.refresh_from_db()
    assert model.output_cost_per_million == 5


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"do": "accept"}, "Tick the models first."),
        ({"ids": ["00000000-0000-4000-8000-000000000000"], "do": "accept"}, "One of these models is gone"),
    ],
)
def test_what_can_not_be_done_is_said(page, model, typed, why):
    assert why in html_of(page.post(URL, {**typed, "next": URL}, follow=True))


def test_readers_look_and_do_not_decide(client, charlie, dora, model):
    client.force_login(charlie)
    html = html_of(client.get(URL))
    assert "gpt-4o" in html
    assert "checkbox" not in html
    client.force_login(dora)
    assert client.get(URL).status_code == 403


def test_few_queries(page, model, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        page.get(URL)


def test_the_way_there_says_how_many_there_are(page, model):
    assert '<span class="tag">1</span>' in html_of(page.get("/models/figures", headers=HTMX))


def test_looking_again_compares_nothing_again(page, model, django_assert_num_queries):
    page.get(URL)
    with django_assert_num_queries(4):
        page.get(URL)
