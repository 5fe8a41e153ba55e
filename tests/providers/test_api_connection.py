"""`POST /api/v1/llm/test`, `providers/{id}/test` and `providers/{id}/discover`, against a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine import addresses
from providers.models import Probe, Provider, ProviderKey
from tests.factories import make_model, make_provider
from tests.fakes import Ok, ScriptedUpstream, Status
from tests.odd_servers import Page

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/test"
KEY = "sk-or-v1-0123456789abcdef1234"


@pytest.fixture
def upstream(settings) -> Iterator[ScriptedUpstream]:
    settings.ALLOW_PRIVATE_UPSTREAMS = True
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture
def provider(upstream: ScriptedUpstream) -> Provider:
    return make_provider(name="Ours", api_base=upstream.url, key=KEY)


def test_an_unsaved_connection_that_works(as_alice, upstream):
    answer = as_alice.post(URL, {"provider": "custom", "apiKey": KEY, "apiBase": upstream.url})
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body.pop("latency") > 0
    dialects = {"chat": None, "responses": None, "messages": None}  # it answers everything alike
    assert body == {"success": True, "models_available": 1, "models": ["scripted"], "dialects": dialects}
    assert upstream.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert not Provider.objects.exists()


def test_a_wrong_key_is_a_200_that_says_so(as_alice, upstream, caplog):
    upstream.script(Status(401, message=f"Incorrect API key provided: {KEY}"))
    body = as_alice.post(URL, {"provider": "openai", "api_key": KEY, "api_base": upstream.url}).json()
    assert body.pop("latency") > 0
    assert body == {"success": False, "error": "Invalid API key", "error_kind": "wrong_key"}
    assert KEY not in caplog.text


def test_a_web_page_is_no_provider(as_alice, upstream):
    upstream.script(Page())
    body = as_alice.post(URL, {"provider": "custom", "api_base": upstream.url}).json()
    assert (body["success"], body["error_kind"]) == (False, "not_compatible")


def test_a_model_that_is_named_shows_whether_there_is_credit(as_alice, upstream):
    upstream.script(Ok(), Status(402, message="Insufficient credits"))
    body = as_alice.post(URL, {"provider": "custom", "api_base": upstream.url, "model": "m"}).json()
    assert (body["success"], body["error_kind"]) == (False, "no_credit")
    assert upstream.seen[1].body["max_tokens"] == 1


BAD = {
    "no type": ({"api_key": KEY}, "provider"),
    "type unknown": ({"provider": "openia", "api_key": KEY}, "provider"),
    "no key": ({"provider": "openai"}, "api_key"),
    "key in two lines": ({"provider": "openai", "api_key": "sk-a\nX-Evil: 1"}, "api_key"),
    "no address": ({"provider": "custom"}, "api_base"),
    "address is none": ({"provider": "custom", "api_base": "llm.example.com"}, "api_base"),
    "address is private": ({"provider": "custom", "api_base": "http://10.1.2.3/v1"}, "api_base"),
    "address is localhost in hex": ({"provider": "custom", "api_base": "http://0x7f000001/v1"}, "api_base"),
    "address of metadata": ({"provider": "custom", "api_base": "http://169.254.169.254/"}, "api_base"),
    "setting unknown": ({"provider": "openai", "api_key": KEY, "settings": {"region": "x"}}, "settings"),
    "a typo": ({"provider": "openai", "api_key": KEY, "api_bas": "x"}, "api_bas"),
}


@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD.keys())
def test_what_could_not_be_saved_is_not_tried(as_alice, settings, body, field):
    settings.ALLOW_PRIVATE_UPSTREAMS = False
    answer = as_alice.post(URL, body)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert KEY not in answer.content.decode()


def test_an_address_that_was_allowed_once_is_refused_when_it_is_called(as_bob, provider, upstream):
    before = addresses.adopted()
    addresses.adopt(addresses.AddressPolicy())
    body = as_bob.post(f"/api/v1/llm/providers/{provider.id}/test").json()
    addresses.adopt(before)
    assert (body["success"], body["error_kind"]) == (False, "forbidden_address")
    assert upstream.count == 0


def test_a_saved_provider_is_tested_with_its_key_and_its_card_shows_it(as_bob, provider, upstream):
    url = f"/api/v1/llm/providers/{provider.id}/test"
    upstream.script(Status(503, message="down for repair"))
    assert as_bob.post(url).json()["error"] == "Answered 503: down for repair"
    provider.refresh_from_db()
    assert (provider.status, provider.error, provider.failed_probes) == ("error", "Answered 503: down for repair", 1)
    assert as_bob.post(url).json()["models_available"] == 1
    provider.refresh_from_db()
    assert (provider.status, provider.error_since, provider.failed_probes) == ("active", None, 0)
    assert provider.latency_ms is not None
    assert Probe.objects.filter(provider=provider).count() == 2


def test_a_saved_provider_is_tested_with_its_cheapest_chat_model_too(as_bob, provider, upstream):
    make_model(provider=provider, name="dear", output_cost_per_million=9)
    make_model(provider=provider, name="cheap", output_cost_per_million=1)
    make_model(provider=provider, name="vectors", output_cost_per_million=0, capabilities=["embedding"])
    assert as_bob.post(f"/api/v1/llm/providers/{provider.id}/test").json()["success"] is True
    assert upstream.seen[1].body["model"] == "cheap"


def test_a_key_that_cannot_be_read_is_said_without_calling_anybody(as_bob, provider, upstream):
    ProviderKey.objects.update(ciphertext="garbage")
    body = as_bob.post(f"/api/v1/llm/providers/{provider.id}/test").json()
    assert (body["success"], "ENCRYPTION_KEYS" in body["error"]) == (False, True)
    assert upstream.count == 0


def test_discovery_marks_what_is_known_and_what_is_added(as_bob, upstream):
    provider = make_provider(type="openai", api_base=upstream.url, key=KEY)
    make_model(provider=provider, name="scripted")
    body = as_bob.post(f"/api/v1/llm/providers/{provider.id}/discover").json()
    (offer,) = body["models"]
    assert (body["success"], body["total"]) == (True, 1)
    assert (offer["name"], offer["is_added"], offer["is_known"]) == ("scripted", True, False)


def test_discovery_that_fails_says_why(as_bob, provider, upstream):
    upstream.script(Status(401))
    body = as_bob.post(f"/api/v1/llm/providers/{provider.id}/discover").json()
    assert (body["success"], body["error"]) == (False, "Invalid API key")


@pytest.mark.parametrize("verb", ["test", "discover"])
def test_rights_and_wrong_methods(as_alice, as_charlie, as_dora, as_nobody, provider, verb):
    url = f"/api/v1/llm/providers/{provider.id}/{verb}"
    assert as_alice.get(url).status_code == 405
    assert {as_charlie.post(url).status_code, as_dora.post(url).status_code} == {403}
    assert as_nobody.post(url).status_code == 401
    assert as_alice.post(f"/api/v1/llm/providers/none/{verb}").status_code == 404


def test_only_admins_try_keys_of_their_own(as_bob, as_charlie, as_dora, as_nobody, as_alice):
    body = {"provider": "openai", "api_key": KEY}
    assert {client.post(URL, body).status_code for client in (as_bob, as_charlie, as_dora)} == {403}
    assert as_nobody.post(URL, body).status_code == 401
    assert as_alice.get(URL).status_code == 405


def test_discovery_takes_the_same_queries_for_many_models(as_bob, provider, django_assert_num_queries):
    for _ in range(5):
        make_model(provider=provider)
    with django_assert_num_queries(5):  # the bearer key, the provider, its cheapest model, what is added
        as_bob.post(f"/api/v1/llm/providers/{provider.id}/discover")
