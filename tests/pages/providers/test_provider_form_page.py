"""Add, configure, test and delete a provider by its forms."""

from __future__ import annotations

import pytest

from engine.probes.findings import Finding, Trouble
from pages.providers import editing
from pages.providers.offers import MOST_SHOWN
from providers.models import LanguageModel, Probe, Provider
from tests.factories import make_group, make_model, make_provider
from tests.fakes import ScriptedUpstream, Status
from tests.page import HTMX, html_of, signed_in
from tests.pages.providers.forms import KEY, provider_form

pytestmark = pytest.mark.django_db
page = signed_in("alice")


@pytest.fixture
def upstream(settings):
    settings.ALLOW_PRIVATE_UPSTREAMS = True
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(autouse=True)
def tested(monkeypatch) -> list[Finding]:
    """What a saved provider's test finds: it works, or what a test says first."""
    findings: list[Finding] = []
    works = Finding(1.0, models=("m-1",))
    monkeypatch.setattr(editing, "check_saved", lambda provider: findings[0] if findings else works)
    return findings


def edit(provider: Provider) -> str:
    return f"/providers/{provider.pk}/edit"


def test_a_provider_is_added_with_its_key_and_models(page):
    typed = provider_form(models=["m-1", "m-2"], other_models="m-3, m-4", priority="7", rpm="60")
    answer = page.post("/providers/new", typed)
    assert (answer.status_code, answer.url) == (302, "/providers")
    provider = Provider.objects.get()
    assert (provider.name, provider.priority, provider.rpm, provider.created_by) == ("Ours", 7, 60, "alice")
    assert sorted(provider.models.values_list("name", flat=True)) == ["m-1", "m-2", "m-3", "m-4"]
    assert provider.key.hint == "sk-…****1234"


def test_a_provider_whose_test_fails_is_not_saved_in_silence(page, tested):
    tested.append(Finding(1.0, trouble=Trouble.WRONG_KEY, error="Invalid API key"))
    html = html_of(page.post("/providers/new", provider_form(models=["m-1"]), follow=True))
    assert 'class="toast error"' in html
    assert "Ours is saved, but its test failed: Invalid API key." in html
    typed = provider_form(api_key="sk-another-0123456789abcdef", present=["m-1"], models=["m-1"])
    assert "its test failed" in html_of(page.post(edit(Provider.objects.get()), typed, follow=True))


def test_a_provider_without_models_is_not_saved_in_silence(page):
    html = html_of(page.post("/providers/new", provider_form(), follow=True))
    assert 'class="toast error"' in html
    assert "Ours is saved, but has no models" in html


def test_what_can_not_change_its_answers_is_saved_without_a_test(page, tested):
    typed = provider_form(models=["m-1"])
    page.post("/providers/new", typed)
    tested.append(Finding(1.0, trouble=Trouble.TIMEOUT, error="No answer"))
    again = edit(Provider.objects.get())
    for changes in ({"priority": "9"}, {"enabled": ""}):
        html = html_of(page.post(again, {**typed, "api_key": "", "present": ["m-1"], **changes}, follow=True))
        assert "Ours is saved." in html
    assert "its test failed" in html_of(page.post(again, {**typed, "api_key": "", "present": ["m-1"]}, follow=True))


def test_from_a_dialog_the_whole_page_is_loaded_again(page):
    answer = page.post("/providers/new", provider_form(), headers=HTMX)
    assert answer.headers["HX-Redirect"] == "/providers"


def test_the_form_is_a_page_and_a_dialog(page):
    assert '<form id="provider-form"' in html_of(page.get("/providers/new"))
    html = html_of(page.get("/providers/new", headers=HTMX))
    assert html.strip().startswith('<dialog class="opens')
    assert "<html" not in html


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"priority": "101"}, "less than or equal to 100"),
        ({"api_base": "llm"}, "Give a base URL such as"),
        ({"api_base": ""}, "needs api_base"),
        ({"type": "openai", "api_key": "", "api_base": ""}, "needs an API key"),
        ({"type": "aws", "api_key": "", "api_base": ""}, "needs aws_region_name"),
        ({"api_base": "http://169.254.169.254/"}, "169.254.169.254"),
        ({"other_models": "a a/\x00b"}, "Null characters"),
        ({"models": [f"m-{n}\x07" for n in range(2)]}, "spaces or control characters"),
        ({"type": "magic"}, "LiteLLM knows no provider &#x27;magic&#x27;"),
        ({"name": "a/b"}, "without a slash"),
        ({"name": "TAKEN"}, "A provider of this name exists"),
        ({"api_key": "schlüssel"}, "printable ASCII"),
    ],
)
def test_a_mistake_is_named_beside_its_field_and_nothing_but_the_key_is_lost(page, changes, why):
    make_provider(name="Taken")
    for headers in (HTMX, {}):
        answer = page.post("/providers/new", provider_form(**changes), headers=headers)
        html = html_of(answer)
        assert answer.status_code == 422
        assert why in html
        assert "Not saved yet" in html
        assert KEY not in html
        assert f'value="{changes.get("priority", "50")}"' in html
    assert Provider.objects.count() == 1


def test_the_fields_follow_the_type(page):
    html = html_of(page.post("/providers/fields", {"type": "aws", "name": "x", "api_base": "https://a.example"}))
    assert 'name="settings-aws_region_name"' in html
    assert 'name="credentials-aws_secret_access_key"' in html
    assert 'value="https://a.example"' in html
    assert 'name="do" value="fields"' in html_of(page.get("/providers/new"))
    without_js = page.post("/providers/new", provider_form(do="fields", type="azure"))
    assert 'name="settings-api_version"' in html_of(without_js)


def test_an_aws_provider_keeps_its_secrets_as_hints(page):
    typed = provider_form(type="aws", name="Cloud", api_base="", api_key="") | {
        "settings-aws_region_name": "eu-central-1",
        "credentials-aws_access_key_id": "AKIA0123456789ABCD",
        "credentials-aws_secret_access_key": KEY,
    }
    page.post("/providers/new", typed)
    provider = Provider.objects.get()
    html = html_of(page.get(edit(provider)))
    assert 'value="eu-central-1"' in html
    assert "Stored: sk-…****1234" in html
    assert KEY not in html


def test_a_type_without_a_preset_is_typed(page, upstream):
    html = html_of(page.post("/providers/new", provider_form(do="fields", type="other", other_type="deepinfra")))
    assert '<option value="other" selected>' in html
    assert 'value="deepinfra" list="other-types"' in html
    assert '<option value="nvidia_nim">' in html
    page.post("/providers/new", provider_form(type="other", other_type=" DeepInfra ", name="Deep"))
    assert Provider.objects.get(name="Deep").type == "deepinfra"
    answer = page.post("/providers/new", provider_form(type="other", name="Nobody"))
    assert "type the name that LiteLLM has for it" in html_of(answer)
    assert not Provider.objects.filter(name="Nobody").exists()


def test_a_type_that_has_a_preset_under_litellm_s_name_gets_it(page):
    html = html_of(page.post("/providers/new", provider_form(do="fields", type="other", other_type="gemini")))
    assert '<option value="google" selected>' in html


def test_configure_keeps_a_key_that_is_not_typed_and_replaces_one_that_is(page):
    provider = make_provider(name="Ours", key=KEY)
    page.post(edit(provider), provider_form(api_key="", name="Renamed", enabled=""))
    provider.refresh_from_db()
    assert (provider.name, provider.enabled, provider.key.hint) == ("Renamed", False, "sk-…****1234")
    page.post(edit(provider), provider_form(api_key="sk-another-key-of-9876"))
    assert Provider.objects.get().key.hint == "sk-…****9876"
    page.post(edit(provider), provider_form(api_key="", remove_key="on"))
    assert not hasattr(Provider.objects.get(), "key")


def test_the_checklist_counts_ticked_models_too(page):
    names = [f"m-{n}" for n in range(MOST_SHOWN + 5)]
    few = html_of(page.post("/providers/offers", {"type": "custom", "listed": names[:5], "models": names[:2]}))
    assert "5 of 5 that the provider lists" in few
    assert "search to see others" not in few
    many = html_of(page.post("/providers/offers", {"type": "custom", "listed": names, "models": names[:2]}))
    assert f"{MOST_SHOWN} of {MOST_SHOWN + 5} that the provider lists; search to see others" in many


def test_configure_removes_what_was_unticked_and_leaves_what_was_not_shown(page):
    provider = make_provider()
    for name in ("kept", "dropped", "added-meanwhile"):
        make_model(provider=provider, name=name)
    page.post(edit(provider), provider_form(present=["kept", "dropped"], models=["kept", "new"]))
    assert set(provider.models.values_list("name", flat=True)) == {"kept", "added-meanwhile", "new"}


def test_a_model_that_a_group_uses_stays_and_the_form_says_which(page):
    model = make_model(name="used")
    make_group(name="chat", models=[model])
    answer = page.post(edit(model.provider), provider_form(present=["used"], models=[]))
    assert answer.status_code == 422
    assert "used by chat" in html_of(answer)
    assert LanguageModel.objects.filter(pk=model.pk).exists()


def test_the_checklist_searches_the_price_map_and_keeps_the_ticks(page):
    typed = {"type": "openai", "q": "gpt-4o-mini", "models": ["my-own"], "present": ["old"]}
    html = html_of(page.post("/providers/offers", typed))
    assert 'value="gpt-4o-mini">' in html
    assert 'value="my-own" checked' in html
    assert 'name="present" value="old"' in html
    assert 'value="gpt-4.1"' not in html


def test_a_connection_is_tried_before_it_is_saved_and_lists_its_models(page, upstream):
    html = html_of(page.post("/providers/connection", provider_form(api_base=upstream.url), headers=HTMX))
    assert "Answered:" in html
    assert 'name="models" value="scripted"' in html
    assert upstream.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in html
    assert not Provider.objects.exists()


def test_without_javascript_the_form_comes_back_with_the_result(page, upstream):
    answer = page.post("/providers/new", provider_form(api_base=upstream.url, do="test"))
    html = html_of(answer)
    assert "Answered:" in html
    assert 'value="Ours"' in html
    assert KEY not in html


def test_a_stored_key_is_tried_with_an_address_that_is_typed(page, upstream):
    provider = make_provider(key=KEY)
    typed = provider_form(api_base=upstream.url, api_key="", provider=str(provider.pk))
    assert "Answered:" in html_of(page.post("/providers/connection", typed, headers=HTMX))
    assert upstream.seen[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"api_base": "ftp://x"}, "Give a base URL"),
        ({"type": "openai", "api_key": "", "api_base": ""}, "needs an API key"),
        ({"type": "other", "other_type": "magic"}, "LiteLLM knows no provider &#x27;magic&#x27;"),
    ],
)
def test_a_connection_that_can_not_be_tried_says_why(page, changes, why):
    assert why in html_of(page.post("/providers/connection", provider_form(**changes), headers=HTMX))


def test_a_card_is_tested_in_place_or_by_a_toast(page, upstream):
    provider = make_provider(name="Ours", api_base=upstream.url, key=KEY)
    answer = page.post(f"/providers/{provider.pk}/test", headers=HTMX)
    assert "Answered:" in html_of(answer)
    assert "providers-changed" in answer.headers["HX-Trigger"]
    upstream.script(Status(401))
    html = html_of(page.post(f"/providers/{provider.pk}/test", {"next": "/providers"}, follow=True))
    assert "Ours: Invalid API key" in html
    assert list(Probe.objects.values_list("is_ok", flat=True)) == [False, True]


def test_delete_asks_names_what_is_lost_and_deletes(page):
    provider = make_provider(name="Ours", key=KEY)
    make_model(provider=provider, name="m-1")
    asked = html_of(page.post(f"/providers/{provider.pk}/delete", {"next": "/providers"}, headers=HTMX))
    for text in ("Delete Ours?", "with its stored key", "the model m-1", "This can&#x27;t be undone"):
        assert text in asked, text
    assert Provider.objects.exists()
    page.post(f"/providers/{provider.pk}/delete", {"next": "/providers", "sure": "1"})
    assert not Provider.objects.exists()


def test_one_that_groups_use_stays_and_the_groups_are_named(page):
    model = make_model()
    make_group(name="chat-eu", models=[model])
    answer = page.post(f"/providers/{model.provider_id}/delete", {"next": "/providers", "sure": "1"}, follow=True)
    assert "used by chat-eu" in html_of(answer)
    assert Provider.objects.exists()


@pytest.mark.parametrize("path", ["new", "fields", "offers", "connection", "{id}/edit", "{id}/delete", "{id}/models"])
@pytest.mark.parametrize("person", ["bob", "charlie", "dora"])
def test_only_admins_change_providers(client, request, person, path):
    provider = make_provider()
    client.force_login(request.getfixturevalue(person))
    assert client.post(f"/providers/{path.format(id=provider.pk)}", provider_form()).status_code == 403


@pytest.mark.parametrize(("person", "status"), [("bob", 200), ("charlie", 403), ("dora", 403)])
def test_operators_may_test(client, request, upstream, person, status):
    provider = make_provider(api_base=upstream.url)
    client.force_login(request.getfixturevalue(person))
    assert client.post(f"/providers/{provider.pk}/test", headers=HTMX).status_code == status


@pytest.mark.parametrize("path", ["fields", "offers", "connection", "{id}/test", "{id}/delete"])
def test_what_is_posted_is_not_got(page, path):
    assert page.get(f"/providers/{path.format(id=make_provider().pk)}").status_code == 405


def test_the_form_of_a_provider_with_many_models_costs_few_queries(page, django_assert_max_num_queries):
    provider = make_provider()
    LanguageModel.objects.bulk_create(LanguageModel(provider=provider, name=f"m-{n}") for n in range(500))
    with django_assert_max_num_queries(6):
        page.get(edit(provider))
    page.post(edit(provider), provider_form(present=["m-1"], models=["m-1"]))
    assert provider.models.count() == 500


def test_protocols_extra_headers_and_fields_are_kept_and_shown(page):
    provider = make_provider(type="mistral", name="M", api_base="", dialects=["litellm"])
    html = html_of(page.get(edit(provider)))
    assert "None selected: what is usual for the type, Chat Completions" in html
    typed = {"type": "mistral", "name": "M", "api_base": ""}
    extras = {"extra_headers": '{"X-Title": "shop"}', "extra_body": '{"safe_prompt": true}'}
    answer = page.post(edit(provider), provider_form(**typed, dialects=["chat"], **extras))
    assert answer.status_code == 302
    provider.refresh_from_db()
    assert (provider.dialects, provider.extra_headers) == (["chat"], {"X-Title": "shop"})
    assert provider.extra_body == {"safe_prompt": True}
    assert "X-Title" in html_of(page.get(edit(provider)))
    answer = page.post(edit(provider), provider_form(**typed, extra_headers='{"Cookie": "a"}'))
    assert answer.status_code == 422
    assert "the console sets it" in html_of(answer)
