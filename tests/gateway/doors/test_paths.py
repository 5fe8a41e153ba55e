"""Which path leads where."""

import pytest

from gateway.doors.paths import Asks, way_of

CHAT = "chat/completions"


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/chat/completions", ""),
        ("/v1/chat/completions/", ""),
        ("/chat/completions", ""),
        ("/chat/completions/", ""),
        ("/openai/v1/chat/completions", ""),
        ("/openai/chat/completions", ""),
        ("/v1/v1/chat/completions", ""),
        ("/openai/deployments/fast/chat/completions", "fast"),
        ("/openai/deployments/Mine/gpt-5/chat/completions", "Mine/gpt-5"),
    ],
)
def test_chat_has_the_addresses_of_every_client(path: str, model: str):
    way = way_of(path, "POST")
    assert way is not None
    assert (way.asks, way.endpoint, way.model) == (Asks.ANSWER, CHAT, model)


@pytest.mark.parametrize("path", ["/", "/models", "/groups/", "/api/v1/llm/providers", "/v1/routing_group", "/v1"])
def test_pages_and_the_rest_api_keep_their_addresses(path: str):
    assert way_of(path, "GET") is None


@pytest.mark.parametrize("path", ["/v1/routing_group/x/runs", "/v1/scenarios", "/v1/requests/abc/attempts"])
def test_the_rest_api_below_v1_keeps_its_addresses(path: str):
    assert way_of(path, "POST") is None


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/v1/chat", "/openai/deployments/x", "/openai/deployments//embeddings"]
)
def test_an_unknown_path_below_v1_says_that_there_is_nothing(path: str):
    way = way_of(path, "POST")
    assert way is not None
    assert way.asks is Asks.NOTHING
    assert "There is no POST" in way.why
    assert not way.is_known


@pytest.mark.parametrize(
    "path",
    [
        "/v1/batches",
        "/v1/files/file-1/content",
        "/v1/realtime",
        "/openai/files",
        "/v1/messages/batches",
        "/v1/messages/batches/b/results",
        "/v1/conversations/c/items",
        "/v1/vector_stores",
        "/v1/containers",
    ],
)
def test_what_openai_has_and_we_do_not_serve_says_so(path: str):
    way = way_of(path, "GET")
    assert way is not None
    assert "not served" in way.why
    assert way.is_known


def test_a_page_is_not_taken_for_a_call_without_v1():
    assert way_of("/chat/completions", "GET") is None
    assert way_of("/embeddings", "OPTIONS") is not None
