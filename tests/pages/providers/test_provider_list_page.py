"""The page of the providers: four numbers, a card for each."""

from __future__ import annotations

import pytest
from django.utils import timezone
from django.utils.html import strip_tags

from providers.models import LanguageModel, Provider
from tests.factories import make_group, make_model, make_provider
from tests.page import HTMX, html_of, signed_in
from tests.pages.providers.forms import KEY, make_request

pytestmark = pytest.mark.django_db
page = signed_in("alice")


def test_a_card_says_what_there_is_to_know(page):
    provider = make_provider(name="Nebius", key=KEY, latency_ms=142.0)
    make_model(provider=provider, input_cost_per_million=1, output_cost_per_million=4)
    html = html_of(page.get("/providers"))
    for text in ("Nebius", "Custom", "Active", "$2.50", "142 ms", "vendor/logos/nebius.svg#logo"):
        assert text in html, text
    assert KEY not in html


def test_an_error_says_why_and_since_when(page):
    make_provider(name="Broken", error="Invalid API key", error_since=timezone.now())
    html = html_of(page.get("/providers"))
    assert "Invalid API key" in html
    assert "Since <time" in html
    assert "1 failing" in html


def test_without_a_provider_it_says_how_to_begin(page):
    html = html_of(page.get("/providers"))
    assert "No providers configured yet" in html
    assert "seed_providers" in html


def test_the_numbers_are_counted_from_the_rows(page):
    make_model(provider=make_provider(enabled=False))
    old = make_model()
    LanguageModel.objects.filter(pk=old.pk).update(created_at="2020-01-01T00:00Z")
    make_model()
    make_model(enabled=False)
    figures = page.get("/providers").context["figures"]
    assert (figures["providers"], figures["switched_off"]) == (4, 1)
    assert (figures["models"], figures["new_models"]) == (2, 1)


def test_calls_and_cost_come_after_the_cards(page):
    provider = make_provider(name="Ours")
    for _ in range(3):
        make_request(provider="Ours")
    html = html_of(page.get("/providers/figures", headers=HTMX))
    assert '<p id="figure-calls" hx-swap-oob="innerHTML">3</p>' in html
    assert '<p id="figure-cost" hx-swap-oob="innerHTML">$1.50</p>' in html
    assert f'id="calls-{provider.pk}"' in html
    assert "All requests" in html_of(page.get("/providers/figures"))


def test_without_a_request_it_says_so_and_invents_nothing(page):
    assert "No data yet" in html_of(page.get("/providers/figures", headers=HTMX))


def test_viewers_see_cards_operators_also_test_admins_do_all(client, charlie, bob, alice):
    provider = make_provider()
    for person, paths in ((charlie, ()), (bob, ("test",)), (alice, ("test", "edit", "delete"))):
        client.force_login(person)
        html = html_of(client.get("/providers"))
        shown = {path for path in ("test", "edit", "delete") if f"/providers/{provider.pk}/{path}" in html}
        assert shown == set(paths)
        assert ("/providers/new" in html) == (person is alice)


@pytest.mark.parametrize("address", ["/providers", "/providers/figures", "/providers/cooldowns", "/models"])
def test_strangers_are_shut_out_and_nobody_signs_in_first(client, dora, address):
    assert client.get(address).status_code == 302
    client.force_login(dora)
    assert client.get(address).status_code == 403


@pytest.mark.parametrize("address", ["/providers", "/providers/figures", "/providers/cooldowns", "/models"])
def test_lists_take_no_posts(page, address):
    assert page.post(address).status_code == 405


def test_htmx_gets_the_cards_only(page):
    make_provider()
    html = html_of(page.get("/providers", headers=HTMX))
    assert html.strip().startswith('<div id="providers"')
    assert "<html" not in html


def test_one_provider_with_its_history_models_and_groups(page):
    provider = make_provider(name="Ours", key=KEY)
    for number in range(3):
        provider.probes.create(at=timezone.now(), is_ok=number != 1, latency_ms=20.0 * number, error="Timeout")
    make_group(name="chat", models=[make_model(provider=provider, name="m-1")])
    html = html_of(page.get(f"/providers/{provider.pk}"))
    for text in ("<polyline", 'class="failed"', "Timeout", "m-1", "chat", "sk-…****1234"):
        assert text in html, text
    assert KEY not in html


def test_its_page_says_what_is_spoken_and_what_was_never_tried(page):
    said = {"chat": True, "responses": None, "messages": False}
    provider = make_provider(dialects=["messages"], dialects_probed=said, dialects_probed_at=timezone.now())
    html = html_of(page.get(f"/providers/{provider.pk}"))
    table = html.split('id="protocols-title"')[1].partition("</table>")[0].replace("<", " <")
    assert [" ".join(strip_tags(row).split()) for row in table.split("<tr>")[2:]] == [
        "Chat Completions no answers it",
        "Responses no can’t be told",
        "Messages directly does not know it",
    ]
    assert "never with a provider&#x27;s real service" in html
    assert "not asked yet" in html_of(page.get(f"/providers/{make_provider().pk}"))


def test_a_provider_on_litellm_says_so(page):
    provider = make_provider(type="anthropic", api_base="", dialects=["litellm"])
    html = html_of(page.get(f"/providers/{provider.pk}"))
    assert "Requests go through LiteLLM." in html
    assert "real service" not in html


def test_one_that_is_gone_is_not_found(page):
    assert page.get("/providers/00000000-0000-4000-8000-000000000000").status_code == 404


def test_fifty_providers_with_ten_thousand_models_are_shown_at_once(page, django_assert_max_num_queries):
    rows = [Provider(name=f"P {n:02}", type="custom", api_base="https://llm.example.com/v1") for n in range(50)]
    providers = Provider.objects.bulk_create(rows)
    names = [LanguageModel(provider=providers[n % 50], name=f"m-{n}") for n in range(10_000)]
    LanguageModel.objects.bulk_create(names, batch_size=500)
    for address in ("/providers", f"/providers/{providers[0].pk}", "/models", "/models?q=m-1&sort=-input&page=7"):
        with django_assert_max_num_queries(12):
            assert page.get(address).status_code == 200
