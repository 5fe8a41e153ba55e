"""The palette's answers, and the page that does the same without JavaScript."""

from __future__ import annotations

import pytest

from access.actions import issue_key
from access.models import Role
from pages.palette.destinations import ACTIONS, PAGES, VERBS, verb_in
from pages.palette.name_search import find
from tests.factories import make_group, make_model, make_provider, make_user
from tests.page import HTMX, html_of, signed_in
from tests.usage.log import finished

pytestmark = pytest.mark.django_db
reader = signed_in("charlie")
CALL_ID = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"


def found(text: str, reader, most: int = 5) -> dict[str, list[str]]:
    return {kind.title: [hit.title for hit in kind.hits] for kind in find(text, reader=reader, most=most)}


def test_what_is_found_is_grouped_by_kind_and_linked(reader):
    group = make_group(name="llama-chat")
    provider = make_provider(name="Llama House")
    make_model(provider=provider, name="meta/llama-3", display_name="Llama 3")
    html = html_of(reader.get("/search?q=LLAMA"))
    assert html.index("<h2>Groups") < html.index("<h2>Providers") < html.index("<h2>Models")
    assert f'href="/groups/{group.pk}"' in html
    assert "Llama House · meta/llama-3" in html


def test_the_palette_gets_a_few_options_of_each_and_the_way_to_more(reader):
    for number in range(7):
        make_group(name=f"chat-{number}")
    html = html_of(reader.get("/search?q=chat", headers=HTMX))
    assert "<html" not in html
    assert [f"chat-{number} <span" in html for number in range(7)] == [True] * 5 + [False] * 2
    assert 'href="/search?q=chat"' in html
    assert "Groups: 5 and more." in html


def test_names_that_begin_with_the_text_come_first(charlie):
    for name in ("a-prod", "prod-eu", "b-prod", "prod-asia"):
        make_group(name=name)
    assert found("prod", charlie, most=3)["Groups"] == ["prod-asia", "prod-eu", "a-prod"]


def test_an_empty_field_offers_what_can_be_made_and_every_page_of_this_person(charlie, bob):
    make_group(name="chat")
    assert found("", charlie)["Actions"] == ["New key"]
    assert found("", bob)["Actions"] == ["New group", "New key", "New virtual model", "Import groups"]
    assert {"Groups", "Cooldowns", "Account", "API reference"} <= set(found("", charlie)["Pages"])


@pytest.mark.parametrize("role", Role)
def test_every_page_and_action_that_is_offered_opens(client, role):
    user = make_user(f"p-{role}", role, is_staff=role == Role.ADMIN)
    client.force_login(user)
    for kind in find("", reader=user, most=5):
        for hit in kind.hits:
            assert client.get(hit.url).status_code == 200, (role, hit)


def test_pages_and_actions_that_are_closed_to_a_person_are_not_offered(dora, charlie, alice):
    assert found("", dora) == {"Pages": ["Requests", "Your usage", "Account", "Change password", "API reference"]}
    assert "People" not in found("people", charlie).get("Pages", [])
    assert found("people", alice)["Pages"] == ["People"]
    assert len(PAGES) > len(ACTIONS) > 4


def test_a_group_is_rehearsed_from_here_by_those_who_may(bob, charlie):
    make_group(name="chat-eu")
    group = make_group(name="chat-us")
    assert found("rehearse chat", bob)["Rehearse"] == ["Rehearse chat-eu", "Rehearse chat-us"]
    (told, *_) = find("live tester chat-us", reader=bob, most=5)
    assert [hit.url for hit in told.hits] == [f"/groups/{group.pk}/live"]
    assert found("chat", bob)["Actions on chat-eu"] == [
        *("Rehearse chat-eu", "Edit chat-eu", "Runs of chat-eu", "Time machine of chat-eu"),
        "Failed requests of chat-eu",
    ]
    assert "Rehearse" not in found("rehearse chat", charlie)
    assert found("chat", charlie)["Actions on chat-eu"][0] == "Runs of chat-eu"


def test_every_verb_leads_to_a_page_of_the_group(client, bob):
    make_group(name="chat")
    client.force_login(bob)
    (verbs,) = (kind for kind in find("chat", reader=bob, most=5) if kind.title == "Actions on chat")
    assert len(verbs.hits) == len(VERBS) + 1
    assert [client.get(hit.url).status_code for hit in verbs.hits] == [200] * len(verbs.hits)


def test_a_verb_is_told_by_its_first_letters_and_a_name_is_no_verb():
    assert verb_in("reh chat eu", Role.OPERATOR) == (VERBS[0], "chat eu")
    assert verb_in("re chat", Role.OPERATOR) is None
    assert verb_in("chat edit", Role.OPERATOR) is None


def test_a_request_is_found_by_the_beginning_of_its_call_id(reader, charlie):
    finished(CALL_ID).save()
    assert found(CALL_ID[:8].upper(), charlie)["Requests"] == [CALL_ID]
    assert "Requests" not in found(CALL_ID[:4], charlie)
    assert f'href="/requests/{CALL_ID}"' in html_of(reader.get(f"/search?q={CALL_ID}"))


def test_without_a_role_only_the_own_requests_are_found_and_nothing_of_the_configuration(client, dora):
    finished(CALL_ID, owner="charlie").save()
    finished(CALL_ID.replace("f9", "00"), owner="dora").save()
    make_group(name="chat")
    assert found(CALL_ID[:8], dora) == {"Requests": [CALL_ID.replace("f9", "00")]}
    assert found("chat", dora) == {}
    client.force_login(dora)
    assert "There is no match for “chat”" in html_of(client.get("/search?q=chat"))


def test_keys_are_found_by_name_by_those_who_may_see_them_and_give_nothing_away(alice, bob, charlie):
    row, secret = issue_key(by=bob, owner=bob, name="ci-runner")
    assert found("ci-run", bob)["API keys"] == found("ci-run", alice)["API keys"] == ["ci-runner"]
    assert "API keys" not in found("ci-run", charlie)
    for text in (secret, secret[:12], secret[-8:], row.pk.hex):
        assert "API keys" not in found(text, alice)
    assert secret[-8:] not in str(find("ci-run", reader=alice, most=5))


@pytest.mark.parametrize("query", ["", "q=", "q=%20", "q=%00"])
def test_nothing_to_look_for_is_no_error(reader, query):
    make_group(name="chat")
    answer = reader.get(f"/search?{query}")
    assert answer.status_code == 200
    assert ">chat <" not in html_of(answer)


def test_nothing_found_says_so(reader):
    assert "There is no match for “zebra”" in html_of(reader.get("/search?q=zebra"))
    assert "There is no match for “zebra”" in html_of(reader.get("/search?q=zebra", headers=HTMX))
    assert reader.get(f"/search?q={'x' * 500}").status_code == 200


def test_what_people_typed_is_shown_as_text(reader):
    assert "<script>1" not in html_of(reader.get("/search?q=%3Cscript%3E1"))


def test_nobody_posts_and_visitors_sign_in_first(client, reader):
    assert reader.post("/search").status_code == 405
    assert type(client)().get("/search?q=a").status_code == 302


def test_the_number_of_queries_does_not_grow_with_what_is_found(charlie, django_assert_num_queries):
    for number in range(12):
        make_group(name=f"abc-{number}", models=[make_model(name=f"abc-{number}")])
    with django_assert_num_queries(5):  # groups that begin so, virtual models, providers, models, keys
        find("abc", reader=charlie, most=5)
    with django_assert_num_queries(7):  # ... groups that have it anywhere, and requests
        find("abcdef", reader=charlie, most=5)
    with django_assert_num_queries(0):
        find("", reader=charlie, most=5)
