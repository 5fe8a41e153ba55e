"""`/api/v1/llm/users/{id}/byok`: everybody manages their own keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from access.byok import keys
from access.models import OwnKey, User
from providers.models import Provider
from tests.factories import make_provider
from tests.fakes import ScriptedUpstream, Status

pytestmark = pytest.mark.django_db
MINE = "/api/v1/llm/users/me/byok"
KEY = "sk-planted-0123456789abcdef1234"


@pytest.fixture
def openai() -> Provider:
    return make_provider(name="Work OpenAI", type="openai", api_base="")


@pytest.fixture
def charlies(charlie: User, openai: Provider) -> OwnKey:
    return keys.store(by=charlie, user=charlie, provider=openai, key=KEY)[0]


@pytest.fixture
def upstream(openai: Provider) -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        Provider.objects.update(api_base=running.url)
        yield running


def test_a_stranger_stores_a_key_by_type_and_sees_its_hint(as_dora, dora, openai):
    answer = as_dora.post(MINE, {"provider": "openai", "apiKey": KEY, "mayFallBack": True})
    assert answer.status_code == 201, answer.content
    key = answer.json()["key"]
    assert (answer.json()["success"], key["key"], key["may_fall_back"]) == (True, "sk-…****1234", True)
    assert key["provider"] == {"id": str(openai.id), "name": "Work OpenAI", "type": "openai"}
    page = as_dora.get(MINE).json()
    assert page == {"user": {"id": dora.pk, "username": "dora"}, "keys": [key], "providers": [key["provider"]]}
    assert (key["status"], key["tested_at"], key["error"]) == ("untested", None, "")


def test_a_second_key_replaces_the_first(as_charlie, charlies):
    answer = as_charlie.post(MINE, {"provider": "work openai", "api_key": "sk-another-0123456789-5678"})
    assert (answer.status_code, answer.json()["key"]["key"]) == (200, "sk-…****5678")
    assert OwnKey.objects.count() == 1


@pytest.mark.parametrize("user", ["me", "charlie", "{id}"])
def test_a_person_is_meant_by_me_name_or_id(as_charlie, charlie, charlies, user):
    answer = as_charlie.get(f"/api/v1/llm/users/{user.format(id=charlie.pk)}/byok")
    assert answer.json()["user"] == {"id": charlie.pk, "username": "charlie"}


def test_falling_back_is_changed_alone(as_charlie, charlies):
    answer = as_charlie.patch(MINE, {"provider": "openai", "may_fall_back": True})
    assert (answer.status_code, answer.json()["key"]["may_fall_back"]) == (200, True)
    charlies.refresh_from_db()
    assert charlies.may_fall_back


def test_keys_are_deleted_one_by_one_or_all(as_charlie, charlie, charlies):
    for name in ("Two", "Three", "Four"):
        keys.store(by=charlie, user=charlie, provider=make_provider(name=name), key=KEY)
    assert as_charlie.delete(f"{MINE}?provider=openai").json() == {"success": True, "deleted": 1}
    assert as_charlie.delete(MINE, {"provider": "two"}).json() == {"success": True, "deleted": 1}
    assert as_charlie.delete(MINE).json() == {"success": True, "deleted": 2}
    assert as_charlie.delete(MINE).json() == {"success": True, "deleted": 0}


def test_the_key_of_a_provider_that_was_switched_off_can_be_deleted(as_charlie, charlies):
    Provider.objects.update(enabled=False)
    page = as_charlie.get(MINE).json()
    assert (page["keys"][0]["status"], page["providers"]) == ("disabled", [])
    assert as_charlie.delete(f"{MINE}?provider=openai").status_code == 200


def test_a_stored_key_is_tested_with_a_real_call(as_charlie, charlies, upstream):
    body = as_charlie.post(f"{MINE}/test", {"provider": "openai"}).json()
    assert (body["success"], body["models_available"], body["latency"] > 0) == (True, 1, True)
    assert upstream.seen[0].headers["authorization"] == f"Bearer {KEY}"
    upstream.script(Status(401, message=f"Incorrect API key provided: {KEY}"))
    body = as_charlie.post(f"{MINE}/test", {"provider": "openai"}).json()
    assert (body["success"], body["error"]) == (False, "Invalid API key")
    assert as_charlie.get(MINE).json()["keys"][0]["status"] == "error"


BAD = {
    "no provider": ({"api_key": KEY}, "provider"),
    "provider unknown": ({"provider": "groq", "api_key": KEY}, "provider"),
    "provider is a list": ({"provider": ["openai"], "api_key": KEY}, "provider"),
    "no key": ({"provider": "openai"}, "api_key"),
    "key empty": ({"provider": "openai", "api_key": " "}, "api_key"),
    "key in two lines": ({"provider": "openai", "api_key": f"{KEY}\nX-Evil: 1"}, "api_key"),
    "key is a list": ({"provider": "openai", "api_key": [KEY]}, "api_key"),
    "falls back perhaps": ({"provider": "openai", "api_key": KEY, "may_fall_back": "perhaps"}, "may_fall_back"),
    "a typo": ({"provider": "openai", "apikeyy": KEY}, "apikeyy"),
}


@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_named_and_not_repeated(as_charlie, openai, body, field):
    answer = as_charlie.post(MINE, body)
    assert (answer.status_code, field in answer.json()) == (400, True)
    assert KEY not in answer.content.decode()


def test_a_type_that_several_have_lists_their_names(as_charlie, openai):
    make_provider(name="Home OpenAI", type="openai")
    why = as_charlie.post(MINE, {"provider": "openai", "api_key": KEY}).json()["provider"][0]
    assert "Home OpenAI, Work OpenAI" in why


@pytest.mark.parametrize("query", ["?provider=", "?provider=groq", "?provder=openai"])
def test_a_deletion_that_names_nothing_there_deletes_nothing(as_charlie, charlies, query):
    assert as_charlie.delete(MINE + query).status_code == 400
    assert OwnKey.objects.exists()


def test_others_keys_are_for_admins_to_see_and_delete_and_for_nobody_to_use(as_alice, as_bob, as_dora, charlies):
    url = "/api/v1/llm/users/charlie/byok"
    for client in (as_bob, as_dora):
        assert {client.get(url).status_code, client.delete(url).status_code} == {403}
        assert client.get("/api/v1/llm/users/nobody/byok").status_code == 403, "who there is is nobody's business"
    body = {"provider": "openai", "api_key": KEY}
    for client in (as_alice, as_bob):
        assert client.post(url, body).status_code == 403
        assert client.patch(url, {"provider": "openai", "may_fall_back": True}).status_code == 403
        assert client.post(f"{url}/test", {"provider": "openai"}).status_code == 403
    shown = as_alice.get(url)
    assert (shown.json()["keys"][0]["key"], KEY in shown.content.decode()) == ("sk-…****1234", False)
    assert as_alice.delete(url).json()["deleted"] == 1
    assert as_alice.get("/api/v1/llm/users/nobody/byok").status_code == 404


def test_the_anonymous_are_asked_for_a_key_and_other_methods_refused(as_nobody, as_charlie):
    assert {as_nobody.get(MINE).status_code, as_nobody.post(f"{MINE}/test").status_code} == {401}
    assert {as_charlie.put(MINE).status_code, as_charlie.get(f"{MINE}/test").status_code} == {405}


def test_the_master_key_is_nobodys(client, settings):
    headers = {"Authorization": f"Bearer {settings.MASTER_KEY}"}
    assert client.get(MINE, headers=headers).status_code == 404


def test_many_keys_take_the_same_queries(as_charlie, charlie, django_assert_num_queries):
    for _ in range(5):
        keys.store(by=charlie, user=charlie, provider=make_provider(), key=KEY)
    as_charlie.get(MINE)
    with django_assert_num_queries(5):  # the bearer key and its owner's teams, the person, the keys, the providers
        as_charlie.get(MINE)
