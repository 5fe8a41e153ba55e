"""The guided start without JavaScript, against a stand-in for OpenAI."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from access.models import ApiKey
from groups.models import RoutingGroup
from providers.models import Provider
from tests.factories import make_group, make_model, make_provider
from tests.fakes import ScriptedUpstream, Status
from tests.openai_stand_in import KEY, MODELS, OpenAiStandIn
from tests.page import HTMX, html_of, signed_in

pytestmark = pytest.mark.django_db
page, operator = signed_in("alice"), signed_in("bob")
TICKED = ["gpt-4o-mini", "gpt-4.1-mini"]


@pytest.fixture
def openai(settings) -> Iterator[ScriptedUpstream]:
    settings.ALLOW_PRIVATE_UPSTREAMS = True
    with ScriptedUpstream(OpenAiStandIn()) as running:
        yield running


def typed(openai: ScriptedUpstream, **changes: str) -> dict[str, str]:
    return {"type": "openai", "api_key": KEY, "api_base": openai.url, **changes}


def with_key(page: Client, openai: ScriptedUpstream) -> Provider:
    page.post("/start", typed(openai))
    return Provider.objects.get()


def with_models(page: Client, openai: ScriptedUpstream) -> Provider:
    provider = with_key(page, openai)
    page.post(f"/start/{provider.pk}/models", {"models": TICKED, "listed": MODELS, "do": "save"})
    return provider


def with_group(page: Client, openai: ScriptedUpstream) -> tuple[Provider, RoutingGroup]:
    provider = with_models(page, openai)
    page.post(f"/start/{provider.pk}/group", {"name": "my-chat", **places(provider, *TICKED)})
    return provider, RoutingGroup.objects.get(name="my-chat")


def places(provider: Provider, *names: str) -> dict[str, str]:
    return {f"order-{provider.models.get(name=name).pk}": str(n) for n, name in enumerate(names, start=1)}


def test_a_tested_key_is_kept_for_a_provider_that_is_off_until_it_has_models(page, openai):
    answer = page.post("/start", typed(openai))
    provider = Provider.objects.get()
    assert (answer.status_code, answer.url) == (302, f"/start/{provider.pk}/models")
    assert (provider.name, provider.type, provider.enabled, provider.models.count()) == ("OpenAI", "openai", False, 0)
    assert "go on with OpenAI" in html_of(page.get("/start"))


@pytest.mark.parametrize(
    ("usual", "changes", "said"),
    [
        (OpenAiStandIn(), {"api_key": "sk-another"}, "OpenAI refuses this key."),
        (OpenAiStandIn(models=()), {}, "OpenAI takes the key, but lists no models for it."),
        (Status(503), {}, "OpenAI does not answer now."),
        (Status(404), {}, "OpenAI has no list of models."),
        (OpenAiStandIn(), {"api_base": "llm"}, "Give a base URL such as"),
        (OpenAiStandIn(), {"api_key": "", "api_base": ""}, "needs an API key"),
        (OpenAiStandIn(), {"type": "custom", "api_base": ""}, "needs api_base"),
        (OpenAiStandIn(), {"type": "magic"}, "Select a valid choice"),
    ],
)
def test_a_key_that_does_not_do_is_said_plainly_and_nothing_is_saved(page, openai, usual, changes, said):
    openai.usual = usual
    sent = typed(openai, **changes)
    for headers in ({}, HTMX):
        answer = page.post("/start", sent, headers=headers)
        html = html_of(answer)
        assert answer.status_code == 422
        assert said in html
        assert "Nothing is saved" in html
        assert KEY not in html
        assert ("<form" in html) == (not headers)  # an open page keeps all that is typed
        if not headers:
            assert f'value="{sent["api_base"]}"' in html or not sent["api_base"]
    assert not Provider.objects.exists()


def test_the_usual_cheap_models_that_chat_are_ticked(page, openai):
    provider = with_key(page, openai)
    html = html_of(page.get(f"/start/{provider.pk}/models"))
    ticked = [name for name in MODELS if f'value="{name}" checked' in html]
    assert ticked == ["gpt-4.1-mini", "gpt-4o-mini"]


def test_the_models_are_tried_before_the_provider_is_switched_on(page, openai):
    provider = with_models(page, openai)
    provider.refresh_from_db()
    assert (provider.enabled, provider.error) == (True, "")
    assert sorted(provider.models.values_list("name", flat=True)) == sorted(TICKED)
    asked = [exchange.body["model"] for exchange in openai.seen if exchange.body.get("max_tokens") == 1]
    assert asked == ["gpt-4o-mini"]


@pytest.mark.parametrize(
    ("ticked", "usual", "said"),
    [
        ([], OpenAiStandIn(), "No model is selected."),
        (TICKED, Status(429, message="You exceeded your current quota"), "does not serve it"),
        (TICKED, Status(503), "OpenAI does not answer now."),
        (["a b\x07"], OpenAiStandIn(), "These models can"),
    ],
)
def test_models_that_do_not_do_leave_the_provider_off_and_stay_ticked(page, openai, ticked, usual, said):
    provider = with_key(page, openai)
    openai.usual = usual
    answer = page.post(f"/start/{provider.pk}/models", {"models": ticked, "listed": MODELS, "do": "save"})
    html = html_of(answer)
    assert answer.status_code == 422
    assert said in html
    assert all(f'value="{name}" checked' in html for name in ticked)
    provider.refresh_from_db()
    assert (provider.enabled, provider.models.count()) == (False, 0)


def test_a_search_without_javascript_saves_nothing_and_keeps_what_is_ticked(page, openai):
    provider = with_key(page, openai)
    sent = {"models": TICKED, "listed": MODELS, "q": "embed", "do": "find"}
    html = html_of(page.post(f"/start/{provider.pk}/models", sent))
    assert 'value="gpt-4o-mini" checked' in html
    assert "text-embedding-3-small" in html
    assert 'name="models" value="gpt-4o"' not in html
    assert not provider.models.exists()


def test_a_provider_that_went_away_says_so_on_the_page_of_its_models(page, openai):
    provider = with_key(page, openai)
    openai.usual = Status(503)
    html = html_of(page.get(f"/start/{provider.pk}/models"))
    assert "OpenAI does not answer now." in html


def test_the_group_is_suggested_with_the_models_in_order(page, openai):
    make_group(name="my-chat")
    provider = with_models(page, openai)
    make_model(provider=make_provider(name="Another"), name="another-model")
    html = html_of(page.get(f"/start/{provider.pk}/group"))
    assert 'value="my-chat-2"' in html
    for name, number in (("gpt-4o-mini", 1), ("gpt-4.1-mini", 2)):
        assert f'name="order-{provider.models.get(name=name).pk}" value="{number}"' in html
    assert html.index("gpt-4o-mini") < html.index("gpt-4.1-mini") < html.index("another-model")


def test_a_group_without_models_to_choose_from_leads_back_to_the_models(page, openai):
    provider = with_key(page, openai)
    assert page.get(f"/start/{provider.pk}/group").url == f"/start/{provider.pk}/models"


def test_the_group_is_saved_in_the_typed_order_and_changed_when_one_comes_back(page, openai):
    provider, group = with_group(page, openai)
    assert [row.model.name for row in group.deployments.order_by("priority")] == TICKED
    again = f"/start/{provider.pk}/group/{group.pk}"
    assert 'value="my-chat"' in html_of(page.get(again))
    answer = page.post(again, {"name": "our-chat", **places(provider, *reversed(TICKED))})
    assert answer.url == f"{again}/key"
    group.refresh_from_db()
    assert group.name == "our-chat"
    assert [row.model.name for row in group.deployments.order_by("priority")] == list(reversed(TICKED))
    assert RoutingGroup.objects.count() == 1


def test_a_group_with_more_than_the_step_shows_is_edited_in_the_builder(page, openai):
    provider, group = with_group(page, openai)
    group.deployments.filter(priority=1).update(rpm=60)
    again = f"/start/{provider.pk}/group/{group.pk}"
    for answer in (page.get(again), page.post(again, {"name": "x", **places(provider, *TICKED)})):
        assert answer.url == f"/groups/{group.pk}/edit"
    assert group.deployments.get(priority=1).rpm == 60


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "Give the group a name."),
        ({"name": "taken"}, "exists"),
        ({"name": "a b"}, "name"),
        (dict.fromkeys(("first", "second"), ""), "at least one model a place"),
        ({"first": "0"}, "greater than or equal to 1"),
    ],
)
def test_a_mistake_in_the_group_loses_nothing_and_saves_nothing(page, openai, changes, said):
    provider = with_models(page, openai)
    make_group(name="taken")
    first, second = places(provider, *TICKED)
    names = {"first": first, "second": second}
    sent = {"name": "my-chat", first: "1", second: "2"} | {names.get(n, n): value for n, value in changes.items()}
    answer = page.post(f"/start/{provider.pk}/group", sent)
    html = html_of(answer)
    assert answer.status_code == 422
    assert said in html
    assert all(f'name="{name}" value="{value}"' in html for name, value in sent.items() if value)
    assert RoutingGroup.objects.count() == 1


def test_the_key_of_the_app_calls_this_group_alone_and_is_shown_once_in_the_snippets(page, openai):
    provider, group = with_group(page, openai)
    address = f"/start/{provider.pk}/group/{group.pk}/key"
    assert "my-app" in html_of(page.get(address))
    assert page.post(address, {"name": ""}).status_code == 422
    html = html_of(page.post(address, {"name": "shop"}))
    key = ApiKey.objects.get()
    assert (key.name, key.scopes, key.allowed_models, key.owner.username) == ("shop", ["call"], ["my-chat"], "alice")
    plaintext = html.partition('aria-label="The key">')[2].partition("<")[0]
    assert plaintext.startswith("sk-rc-")
    assert html.count(plaintext) == 4  # by itself, and in three snippets
    assert "&quot;model&quot;: &quot;my-chat&quot;" in html
    assert plaintext not in html_of(page.get(address))


def test_going_back_to_the_key_keeps_the_stored_one_unless_another_is_typed(page, openai):
    provider = with_models(page, openai)
    back = f"/start/{provider.pk}"
    html = html_of(page.get(back))
    assert "Stored: sk-…****cdef" in html
    assert f'value="{openai.url}"' in html
    assert page.post(back, {"api_key": "", "api_base": openai.url}).url == f"{back}/models"
    assert page.post(back, {"api_key": "sk-wrong", "api_base": openai.url}).status_code == 422
    provider.refresh_from_db()
    assert (provider.key.hint, provider.enabled, provider.models.count()) == ("sk-…****cdef", True, 2)


def test_a_second_provider_of_a_type_gets_a_name_of_its_own(page, openai):
    make_provider(name="OpenAI")
    page.post("/start", typed(openai))
    assert Provider.objects.filter(name="OpenAI 2").exists()


def test_only_admins_connect_providers(operator, openai):
    assert operator.get("/start").status_code == 403
    assert operator.post("/start", typed(openai)).status_code == 403
    assert openai.count == 0
