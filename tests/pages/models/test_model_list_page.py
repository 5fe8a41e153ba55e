"""The table of the models, the page of one, and what is done to them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from providers.actions import create_model
from providers.models import LanguageModel
from tests.factories import make_group, make_model, make_provider
from tests.fakes import ScriptedUpstream
from tests.page import HTMX, html_of, signed_in
from usage.models import RequestRecord

pytestmark = pytest.mark.django_db
page = signed_in("alice")


def names(client, address: str) -> list[str]:
    return [row.model.name for row in client.get(address).context["rows"]]


def model_form(**changes: str) -> dict[str, str]:
    return {"name": "m-1", "input_cost_per_million": "1.5", "enabled": "on", "next": "/models", **changes}


def test_a_row_says_what_a_model_costs_and_where_its_quality_is_from(page):
    make_model(name="typed", quality=88, context_length=128_000, cached_input_cost_per_million=Decimal("0.075"))
    make_model(name="guessed", input_cost_per_million=Decimal("2.5"), output_cost_per_million=Decimal(10))
    html = html_of(page.get("/models"))
    for text in ("$0.075", "$2.50", "$10.00", "128k", ">88<", "guessed from the price"):
        assert text in html, text


def test_it_is_searched_filtered_and_sorted(page):
    ours, theirs = make_provider(name="Ours"), make_provider(name="Theirs")
    make_model(provider=ours, name="a-chat", capabilities=["chat"], input_cost_per_million=3)
    make_model(provider=ours, name="b-vision", capabilities=["chat", "vision"], enabled=False)
    make_model(provider=theirs, name="c-chat", capabilities=["chat"], input_cost_per_million=1)
    assert names(page, "/models") == ["a-chat", "b-vision", "c-chat"]
    assert names(page, "/models?q=CHAT") == ["a-chat", "c-chat"]
    assert names(page, f"/models?provider={theirs.pk}") == ["c-chat"]
    assert names(page, "/models?capability=vision") == ["b-vision"]
    assert names(page, "/models?status=disabled") == ["b-vision"]
    assert names(page, "/models?sort=input") == ["c-chat", "a-chat", "b-vision"]
    assert names(page, "/models?sort=-input") == ["a-chat", "c-chat", "b-vision"]
    assert "No model matches" in html_of(page.get("/models?q=zebra"))


@pytest.mark.parametrize(
    "query", ["q=%00", "provider=x", "capability=magic", "status=maybe", "sort=x", "page=99", f"q={'x' * 500}"]
)
def test_nonsense_in_the_address_still_gives_the_list(page, query):
    make_model(name="m")
    assert names(page, f"/models?{query}") == ["m"]


def test_without_a_model_it_says_where_they_come_from(page):
    assert "No models yet" in html_of(page.get("/models"))


def test_htmx_gets_the_rows_and_pages_keep_the_filters(page):
    provider = make_provider()
    LanguageModel.objects.bulk_create(LanguageModel(provider=provider, name=f"m-{n:03}") for n in range(60))
    html = html_of(page.get("/models?q=m-&sort=-name", headers=HTMX))
    assert html.strip().startswith('<div id="model-rows">')
    assert "q=m-&amp;sort=-name&amp;page=2" in html
    assert len(names(page, "/models?q=m-&page=2")) == 10


def test_the_number_of_queries_does_not_grow_with_the_rows(page, django_assert_num_queries):
    make_model()
    with django_assert_num_queries(6):
        page.get("/models")
    for _ in range(20):
        make_model()
    with django_assert_num_queries(6):
        page.get("/models")


def test_latency_comes_after_the_rows_from_real_traffic(page):
    model = make_model()
    attempt = {"deployment_id": str(model.pk), "status": "success", "duration_ms": 149.0}
    attempt["started_at"] = timezone.now().isoformat()
    RequestRecord.objects.create(
        call_id="c", model_group="g", started_at=timezone.now(), duration_ms=150.0, status=200, attempts=[attempt]
    )
    html = html_of(page.get(f"/models/figures?id={model.pk}&id=x", headers=HTMX))
    assert f'<span id="latency-{model.pk}" hx-swap-oob="innerHTML">' in html
    assert "149 ms" in html
    assert "149 ms" in html_of(page.get(f"/models/figures?id={model.pk}"))


def test_one_model_with_its_facts_and_groups(page):
    model = make_model(name="m-1", capabilities=["chat"], quality=70)
    make_group(name="chat-eu", models=[model])
    html = html_of(page.get(f"/models/{model.pk}"))
    for text in (str(model), "70 of 100", "typed in", "chat-eu", "no answers"):
        assert text in html, text


def test_a_model_is_added_by_name_with_its_prices(page):
    provider = make_provider(name="Ours")
    answer = page.post("/models/new", model_form(provider=str(provider.pk), quality="80", capabilities="chat, vision"))
    assert (answer.status_code, answer.url) == (302, "/models")
    model = LanguageModel.objects.get()
    assert (model.input_cost_per_million, model.quality, model.capabilities) == (Decimal("1.5"), 80, ["chat", "vision"])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"provider": ""}, "Choose the provider of the model"),
        ({"name": ""}, "Give the name"),
        ({"name": "a b"}, "no spaces"),
        ({"name": "taken"}, "already has a model of this name"),
        ({"input_cost_per_million": "-1"}, "greater than or equal to 0"),
        ({"quality": "101"}, "less than or equal to 100"),
        ({"context_length": "x"}, "Enter a whole number"),
    ],
)
def test_a_mistake_is_named_beside_its_field(page, changes, why):
    provider = make_provider()
    make_model(provider=provider, name="taken")
    answer = page.post("/models/new", model_form(**{"provider": str(provider.pk), **changes}), headers=HTMX)
    html = html_of(answer)
    assert answer.status_code == 422
    assert why in html
    assert html.strip().startswith('<form id="model-form"')
    assert LanguageModel.objects.count() == 1


def test_an_edit_keeps_the_catalogs_prices_that_nobody_changed(page, alice):
    provider = make_provider(type="openai", api_base="")
    model = create_model(by=alice, provider=provider, name="gpt-4o")
    typed = model_form(name="gpt-4o", input_cost_per_million="9", output_cost_per_million="10", display_name="Ours")
    page.post(f"/models/{model.pk}/edit", typed)
    model.refresh_from_db()
    assert (model.display_name, model.input_cost_per_million) == ("Ours", Decimal(9))
    assert "input_cost_per_million" not in model.catalog_entry
    assert "output_cost_per_million" in model.catalog_entry
    page.post(f"/models/{model.pk}/edit", {**typed, "input_cost_per_million": ""})
    model.refresh_from_db()
    assert model.input_cost_per_million == Decimal("2.5")


def test_the_switch_turns_a_model_off_and_on(page):
    model = make_model(name="m-1")
    html = html_of(page.post(f"/models/{model.pk}/switch", {"enabled": "0", "next": "/models"}, follow=True))
    assert "m-1 is disabled." in html
    assert 'aria-checked="false"' in html
    page.post(f"/models/{model.pk}/switch", {"enabled": "1"})
    assert LanguageModel.objects.get().enabled


def test_delete_asks_first_and_refuses_what_a_group_uses(page):
    model, used = make_model(name="m-1"), make_model(name="m-2")
    make_group(name="chat", models=[used])
    asked = html_of(page.post(f"/models/{model.pk}/delete", {"next": "/models"}, headers=HTMX))
    assert "Delete m-1?" in asked
    page.post(f"/models/{model.pk}/delete", {"sure": "1"})
    html = html_of(page.post(f"/models/{used.pk}/delete", {"sure": "1", "next": "/models"}, follow=True))
    assert "used by chat" in html
    assert names(page, "/models") == ["m-2"]


def test_models_are_added_from_the_price_map(page):
    provider = make_provider(type="openai", api_base="", name="OpenAI", key="sk-of-a-test")
    address = f"/providers/{provider.pk}/models"
    assert 'value="gpt-4o-mini"' in html_of(page.post(address, {"do": "find", "q": "gpt-4o-mini"}))
    answer = page.post(address, {"do": "save", "models": ["gpt-4o", "gpt-4o-mini"], "next": "/models"})
    assert answer.url == "/models"
    assert provider.models.get(name="gpt-4o").output_cost_per_million == 10
    nothing = page.post(address, {"do": "save"}, headers=HTMX)
    assert (nothing.status_code, "Tick the models" in html_of(nothing)) == (422, True)


def test_a_provider_is_asked_what_it_serves(page, settings):
    settings.ALLOW_PRIVATE_UPSTREAMS = True
    with ScriptedUpstream() as upstream:
        provider = make_provider(api_base=upstream.url)
        html = html_of(page.post(f"/providers/{provider.pk}/models", {"do": "ask"}, headers=HTMX))
    assert 'name="models" value="scripted"' in html
    assert "1 of 1 that the provider lists" in html


@pytest.mark.parametrize("path", ["new", "{id}/edit", "{id}/switch", "{id}/delete", "news"])
@pytest.mark.parametrize("person", ["bob", "charlie", "dora"])
def test_only_admins_change_models(client, request, person, path):
    model = make_model()
    client.force_login(request.getfixturevalue(person))
    assert client.post(f"/models/{path.format(id=model.pk)}", model_form()).status_code == 403
    assert LanguageModel.objects.get().name == model.name


def test_readers_see_no_controls(client, charlie):
    make_model()
    client.force_login(charlie)
    html = html_of(client.get("/models"))
    assert 'role="switch"' not in html
    assert "/edit" not in html
    assert "formaction" not in html


@pytest.mark.parametrize("path", ["switch", "delete"])
def test_what_is_posted_is_not_got(page, path):
    assert page.get(f"/models/{make_model().pk}/{path}").status_code == 405
