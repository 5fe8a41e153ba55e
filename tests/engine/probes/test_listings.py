"""How each dialect is asked for its models, without a network."""

from __future__ import annotations

import pytest

from engine.probes.findings import Target
from engine.probes.listings import listing_of, names_in
from engine.spec import Secret

KEY = Secret("sk-of-a-test")
URLS = [
    ("openai", None, "https://api.openai.com/v1/models"),
    ("openai", "https://llm.example.com/v1/", "https://llm.example.com/v1/models"),
    ("openai", "https://llm.example.com/v1/chat/completions", "https://llm.example.com/v1/models"),
    ("groq", "https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1/models"),
    ("anthropic", None, "https://api.anthropic.com/v1/models?limit=1000"),
    ("anthropic", "https://proxy.example.com/v1/messages", "https://proxy.example.com/v1/models?limit=1000"),
    ("gemini", None, "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000"),
    ("cohere", "https://api.cohere.com/v2/chat", "https://api.cohere.com/v2/models?page_size=1000"),
    ("cohere", "https://api.cohere.ai/compatibility/v1", "https://api.cohere.ai/v1/models?page_size=1000"),
    ("azure", "https://me.openai.azure.com", "https://me.openai.azure.com/openai/models?api-version=2024-10-21"),
    ("ollama", "http://gpu:11434", "http://gpu:11434/api/tags"),
    ("some_new_vendor", "https://new.example.com", "https://new.example.com/models"),
]


@pytest.mark.parametrize(("dialect", "api_base", "url"), URLS)
def test_where_the_list_is(dialect: str, api_base: str | None, url: str):
    target = Target("P", dialect, api_base, KEY)
    listing = listing_of(target)
    assert listing is not None
    assert listing.url(target) == url


@pytest.mark.parametrize(("dialect", "api_base"), [("bedrock", None), ("vertex_ai", None), ("some_new_vendor", None)])
def test_who_has_no_list_that_can_be_asked_for(dialect: str, api_base: str | None):
    assert listing_of(Target("P", dialect, api_base, KEY)) is None


@pytest.mark.parametrize(
    ("dialect", "header"),
    [
        ("openai", ("Authorization", "Bearer sk-of-a-test")),
        ("anthropic", ("x-api-key", "sk-of-a-test")),
        ("gemini", ("x-goog-api-key", "sk-of-a-test")),
        ("azure", ("api-key", "sk-of-a-test")),
    ],
)
def test_the_key_travels_in_a_header_never_in_the_address(dialect: str, header: tuple[str, str]):
    target = Target("P", dialect, "https://llm.example.com", KEY)
    listing = listing_of(target)
    assert listing is not None
    assert header in listing.request_headers(target).items()
    assert "sk-of-a-test" not in str(listing.url(target))


def test_a_public_list_needs_another_address_to_check_the_key():
    target = Target("P", "openrouter", "https://openrouter.ai/api/v1", KEY)
    listing = listing_of(target)
    assert listing is not None
    assert listing.key_check_url(target) == "https://openrouter.ai/api/v1/key"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"data": [{"id": "a"}, {"id": "b"}]}', ("a", "b")),
        (b'{"models": [{"name": "models/gemini-2.5-flash"}]}', ("gemini-2.5-flash",)),
        (b'[{"id": "a"}, {"id": "a"}, 7, {"id": null}]', ("a",)),
        (b'{"data": []}', ()),
        (b'{"error": "no"}', None),
        (b"<html>", None),
        (b"", None),
        (b'"x"', None),
    ],
)
def test_what_the_answer_lists(body: bytes, names: tuple[str, ...] | None):
    assert names_in(body) == names
