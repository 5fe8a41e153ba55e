"""The schema and its page."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from routing_console import openapi
from routing_console.openapi import SchemaView
from tests.page import html_of

pytestmark = pytest.mark.django_db


def test_the_schema_is_sound_and_without_warnings(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))


def test_every_key_can_read_the_schema_and_it_has_the_names_of_the_contract(as_dora):
    schema = as_dora.get("/api/schema?format=json").json()
    paths = {
        "/v1/routing_group",
        "/v1/routing_group/{group_id}",
        "/api/v1/llm/providers",
        "/api/v1/llm/models/{model_id}",
        "/v1/routing_group/{group_id}/test",
        "/v1/requests/{call_id}/attempts",
        "/api/v1/llm/routing/rules",
        "/v1/chat/completions",
        "/v1/embeddings",
        "/v1/responses",
        "/v1/responses/{response_id}",
        "/v1/responses/{response_id}/cancel",
        "/v1/responses/{response_id}/input_items",
        "/v1/messages",
        "/v1/completions",
        "/v1/moderations",
        "/v1/rerank",
        "/v1/audio/speech",
        "/v1/audio/transcriptions",
        "/v1/audio/translations",
        "/v1/messages/count_tokens",
        "/v1/models/{model}",
        "/v1/models",
        "/healthz",
        "/livez",
        "/readyz",
        "/readyz/console",
    }
    assert paths <= set(schema["paths"])
    assert schema["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert b"openapi: 3" in as_dora.get("/api/schema").content


def test_it_is_made_once_and_is_the_same_for_everybody(as_dora, as_alice, monkeypatch):
    made, make = [], SchemaView.generator_class.get_schema

    def counted(*args: Any, **options: Any) -> Any:
        made.append(1)
        return make(*args, **options)

    monkeypatch.setattr(SchemaView.generator_class, "get_schema", counted)
    openapi._made.cache_clear()
    first, second = (caller.get("/api/schema?format=json") for caller in (as_dora, as_alice))
    assert (first.content, made) == (second.content, [1])
    assert first.headers["Content-Type"] == second.headers["Content-Type"] == "application/vnd.oai.openapi+json"
    for_alice = as_alice.get("/api/schema?format=json&version=")  # as the library makes it for one request
    assert (for_alice.content, len(made)) == (first.content, 2)
    assert for_alice.headers.items() == first.headers.items()


def test_strangers_are_asked_who_they_are(client, as_nobody):
    assert as_nobody.get("/api/schema").status_code == 401
    answer = client.get("/api/docs")
    assert (answer.status_code, answer.url) == (302, "/sign-in?next=/api/docs")


def test_the_page_lives_under_the_strict_policy(client, charlie):
    client.force_login(charlie)
    answer = client.get("/api/docs")
    assert "swagger-ui" in html_of(answer)
    assert "unsafe" not in answer["Content-Security-Policy"]
    script = client.get("/api/docs?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert b"/api/schema" in script.content
