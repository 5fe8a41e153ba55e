"""The import page: paste or choose a file, see what it would do, apply it."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from groups.models import RoutingGroup
from providers import secrets
from providers.models import ProviderKey
from tests.factories import make_group, make_model, make_provider
from tests.page import html_of, signed_in

pytestmark = pytest.mark.django_db
PAGE = "/groups/import"
CONFIG = """model_list:
- model_name: chat
  litellm_params: {model: openai/gpt-4o, api_key: sk-secret-of-mine, weight: 3}
"""


page = signed_in("alice")


def text_in(html: str) -> str:
    """What the textarea holds."""
    return unescape(re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", html, re.DOTALL)[1])


def test_it_asks_for_a_file(page):
    html = html_of(page.get(PAGE))
    assert "Import routing groups" in html
    assert 'enctype="multipart/form-data"' in html
    assert 'name="apply"' not in html


def test_a_preview_says_what_would_happen_and_stores_nothing(page):
    html = html_of(page.post(PAGE, {"content": CONFIG, "preview": "1"}))
    for words in ("weighted, 1 deployment", "OpenAI/gpt-4o", "Read as LiteLLM config.yaml", 'name="apply"'):
        assert words in html
    assert RoutingGroup.objects.count() == 0


def test_a_key_is_never_shown_again_and_yet_not_lost(page):
    html = html_of(page.post(PAGE, {"content": CONFIG}))
    assert "sk-secret" not in html
    answer = page.post(PAGE, {"content": text_in(html), "apply": "1"})
    assert (answer.status_code, answer.url) == (302, "/groups")
    assert secrets.decrypt(ProviderKey.objects.get()).reveal() == "sk-secret-of-mine"
    assert "Imported: 1 created, 0 changed." in html_of(page.get("/groups"))


def test_a_chosen_file_is_previewed_first_and_then_in_the_text(page):
    file = SimpleUploadedFile("config.yaml", CONFIG.encode())
    html = html_of(page.post(PAGE, {"file": file, "content": "", "apply": "1"}))
    assert RoutingGroup.objects.count() == 0
    assert "model_name: chat" in text_in(html)


def test_an_error_keeps_what_was_typed(page):
    answer = page.post(PAGE, {"content": "model_list: [\n  {a: 1}, # mine"})
    assert answer.status_code == 422
    assert text_in(html_of(answer)) == "model_list: [\n  {a: 1}, # mine"
    assert "This is not valid YAML" in html_of(answer)


BAD_FILES = {
    "nothing at all": ({"content": ""}, "nothing in it"),
    "an empty file": ({"file": SimpleUploadedFile("a.yaml", b"")}, "nothing in it"),
    "a picture": ({"file": SimpleUploadedFile("a.png", b"\x89PNG\xff")}, "not a text file"),
    "too large": ({"file": SimpleUploadedFile("a.yaml", b"x" * (1024 * 1024 + 1))}, "larger than 1 MB"),
}


@pytest.mark.parametrize(("data", "why"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_422_and_says_why(page, data, why):
    answer = page.post(PAGE, data)
    assert (answer.status_code, why in html_of(answer)) == (422, True)


def test_changes_are_shown_before_and_after(page):
    provider = make_provider(name="OpenAI", type="openai", api_base="")
    make_group(name="chat", strategy="weighted", models=[make_model(provider=provider, name="gpt-4o")])
    html = html_of(page.post(PAGE, {"content": CONFIG}))
    assert "<del>" in html
    assert "<ins>" in html


def test_what_changes_nothing_can_not_be_applied(page):
    html = html_of(page.post(PAGE, {"content": "model_list: [{model_name: '*', litellm_params: {model: 'openai/*'}}]"}))
    assert "Wildcards" in html
    assert 'name="apply"' not in html


def test_htmx_gets_the_part_and_goes_to_the_list_when_applied(page):
    htmx = {"HX-Request": "true"}
    html = html_of(page.post(PAGE, {"content": CONFIG}, headers=htmx))
    assert "<html" not in html
    assert 'id="group-import"' in html
    assert page.post(PAGE, {"content": CONFIG, "apply": "1"}, headers=htmx)["HX-Redirect"] == "/groups"


def test_what_is_said_of_many_places_is_said_once_and_all_places_are_there(page):
    entry = "- {{model_name: m{0}, litellm_params: {{model: groq/m{0}, temperature: 1}}}}\n"
    html = html_of(page.post(PAGE, {"content": "model_list:\n" + "".join(entry.format(n) for n in range(9))}))
    assert html.count("clients send them: temperature.") == 1
    assert "5 more places" in html
    assert all(f"model_list[{n}] (m{n}), litellm_params" in html for n in range(9))


def test_what_needs_a_look_comes_before_the_long_list_of_what_is_created(page):
    html = html_of(page.post(PAGE, {"content": CONFIG}))
    assert html.index("Left out, or different here") < html.index("Created</h3>")
    assert "<summary>1 model added to the catalog</summary>" in html


def test_names_from_the_file_are_only_text(page):
    content = (
        "model_list: [{model_name: '<script>x</script>', litellm_params: {model: openai/m, api_key: os.environ/K_KEY}}]"
    )
    html = html_of(page.post(PAGE, {"content": content}))
    assert "&lt;script&gt;" in html
    assert "Imported under other names" in html


@pytest.mark.parametrize(("person", "read", "write"), [("bob", 200, 200), ("charlie", 200, 403), ("dora", 403, 403)])
def test_operators_import_and_viewers_are_told(client, request, person, read, write):
    client.force_login(request.getfixturevalue(person))
    assert client.get(PAGE).status_code == read
    assert client.post(PAGE, {"content": CONFIG}).status_code == write


def test_the_export_is_a_file_for_viewers(client, charlie):
    group = make_group(name="chat", models=[make_model()])
    client.force_login(charlie)
    answer = client.get(f"/groups/export?format=litellm&ids={group.id}")
    assert answer["Content-Disposition"] == 'attachment; filename="config.yaml"'
    assert b"model_name: chat" in answer.content
    assert client.get("/groups/export").json()["routing_groups"][0]["routing_group_name"] == "chat"
    assert [client.get(f"/groups/export?{query}").status_code for query in ("format=xml", "ids=x")] == [400, 400]


def test_other_methods_are_refused(page):
    assert (page.put(PAGE).status_code, page.post("/groups/export").status_code) == (405, 405)
