"""Completions, moderations and rankings through groups: what servers of OpenAI's protocol answer comes as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.engine.direct_calls import DONE, Sent, Whole
from tests.fakes import Exchange, ScriptedUpstream, Status
from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY, eventually

BEARER = {"Authorization": f"Bearer {MASTER_KEY}"}
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
HEAD = b'data: {"id":"cmpl-1","object":"text_completion","model":"m","choices":'
PART = HEAD + b'[{"index":0,"text":"%b","finish_reason":%b}]}\n\n'
COMPLETION = {
    "id": "cmpl-1",
    "object": "text_completion",
    "model": "m",
    "choices": [{"index": 0, "text": " time", "finish_reason": "stop"}],
    "usage": USAGE,
}
MODERATION = {"id": "modr-1", "model": "m", "results": [{"flagged": False, "categories": {}, "category_scores": {}}]}
RANKED = {
    "id": "rank-1",
    "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}],
    "meta": {"billed_units": {"search_units": 1}, "tokens": {"input_tokens": 11, "output_tokens": 0}},
}


@dataclass(frozen=True)
class Place:
    """A group `name` of two deployments at one upstream."""

    stage: Stage
    upstream: ScriptedUpstream
    name: str

    def post(self, path: str, **body: Any) -> httpx.Response:
        body = {"model": self.name, **body}
        return httpx.post(self.stage.console.url + path, json=body, headers=BEARER, timeout=30)

    def logged(self, answer: httpx.Response) -> dict[str, Any]:
        path = f"/api/v1/llm/requests?call={answer.headers['x-litellm-call-id']}"
        [row] = eventually(lambda: self.stage.console.call("GET", path)["requests"])
        return dict(row)


@pytest.fixture
def place(stage: Stage, make_group: Callable[..., str], request: pytest.FixtureRequest) -> Iterator[Place]:
    with ScriptedUpstream() as upstream:
        providers = (f"Small {letter} of {request.node.name}"[:60] for letter in "AB")
        models = [stage.console.add_model(provider=name, api_base=upstream.url) for name in providers]
        yield Place(stage, upstream, make_group(*models))


def test_a_completion_comes_back_as_it_is_and_is_counted(place: Place):
    place.upstream.script(Whole(COMPLETION))
    answer = place.post("/v1/completions", prompt="Once upon a", logit_bias={"1": 2})
    assert answer.json() == COMPLETION
    [asked] = place.upstream.seen
    assert (asked.path, asked.body["logit_bias"], asked.body["model"]) == ("/v1/completions", {"1": 2}, "llama")
    row = place.logged(answer)
    assert (row["endpoint"], row["input_tokens"], row["output_tokens"]) == ("completions", 5, 2)


def test_a_stream_of_completions_falls_back_before_its_first_text(place: Place):
    text, end = PART % (b" time", b"null"), PART % (b"", b'"stop"')
    place.upstream.script(Status(503), Sent((text, end, DONE)))
    client = OpenAI(base_url=f"{place.stage.console.url}/v1", api_key=MASTER_KEY, max_retries=0, timeout=30)
    stream = client.completions.create(model=place.name, prompt="Once upon a", stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == " time"
    assert place.upstream.seen[-1].body["stream_options"] == {"include_usage": True}


def test_a_moderation_and_a_ranking_come_back_as_they_are(place: Place):
    place.upstream.script(Whole(MODERATION), Whole(RANKED))
    judged = place.post("/v1/moderations", input=["hello", "there"])
    assert judged.json() == MODERATION
    assert place.logged(judged)["endpoint"] == "moderations"
    ranked = place.post("/v2/rerank", query="where", documents=["here", {"text": "there"}], top_n=2)
    assert ranked.json() == RANKED
    assert [asked.path for asked in place.upstream.seen] == ["/v1/moderations", "/v1/rerank"]
    row = place.logged(ranked)
    assert (row["endpoint"], row["input_tokens"]) == ("rerank", 11)


def test_an_endpoint_that_nobody_has_takes_nothing_from_the_group(place: Place):
    """Three such requests took out the chats of a group, too: each 404 opened a breaker."""
    place.upstream.script(*[Status(404)] * 4)
    for path, body in (("/v1/moderations", {"input": "x"}), ("/v1/embeddings", {"input": "x"})):
        answer = place.post(path, **body)
        error = answer.json()["error"]
        assert (answer.status_code, error["param"], error["code"]) == (400, "model", "not_served")
        assert error["message"].endswith(f"does not serve {path}.")
    attempts = f"/v1/requests/{answer.headers['x-litellm-call-id']}/attempts"
    told = place.stage.console.call("GET", attempts)["attempts"]
    assert [attempt["status_code"] for attempt in told] == [404, 404]
    assert place.post("/v1/chat/completions", messages=[{"role": "user", "content": "x"}]).status_code == 200


def test_chats_take_nothing_from_a_group_of_embeddings(place: Place):
    place.upstream.script(Status(503))
    for _ in range(2):
        assert place.post("/v1/embeddings", input="x").status_code == 200
    place.upstream.script(Status(404))  # the first one is cooling down
    assert place.post("/v1/chat/completions", messages=[{"role": "user", "content": "x"}]).status_code == 400
    assert place.post("/v1/embeddings", input="x").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/completions", {}, "prompt"),
        ("/v1/completions", {"prompt": []}, "prompt"),
        ("/v1/completions", {"prompt": "x", "max_tokens": "many"}, "max_tokens"),
        ("/v1/completions", {"prompt": "x", "stream": 1}, "stream"),
        ("/v1/moderations", {}, "input"),
        ("/v1/rerank", {"documents": ["a"]}, "query"),
        ("/v1/rerank", {"query": "a", "documents": "a"}, "documents"),
        ("/v1/rerank", {"query": "a", "documents": ["a"], "top_n": 0}, "top_n"),
    ],
)
def test_what_is_wrong_is_named(stage: Stage, make_group: Callable[..., str], path: str, body: Any, param: str):
    body = {"model": make_group(), **body}
    answer = httpx.post(stage.console.url + path, json=body, headers=BEARER, timeout=30)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_group_without_a_server_of_openais_protocol_says_so(stage: Stage, make_group: Callable[..., str]):
    base = {"name": "Only Anthropic", "type": "anthropic", "api_key": "sk-of-a-test"}
    provider = stage.console.call("POST", "/api/v1/llm/providers", base)["provider"]["id"]
    row = {"provider": provider, "model_name": "claude-sonnet-4-5"}
    model = stage.console.call("POST", "/api/v1/llm/models", row)["model"]["id"]
    body = {"model": make_group(model), "query": "a", "documents": ["a"]}
    answer = httpx.post(f"{stage.console.url}/v1/rerank", json=body, headers=BEARER, timeout=30)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")


@pytest.fixture
def cohere(stage: Stage, make_group: Callable[..., str], request: pytest.FixtureRequest) -> Iterator[Place]:
    """A group of a model with a price per search."""
    with ScriptedUpstream() as upstream:
        base = {"name": "Ranks", "type": "cohere", "api_key": "sk-of-a-test"}
        base["api_base"] = upstream.url.removesuffix("/v1") + "/compatibility/v1"
        provider = stage.console.call("POST", "/api/v1/llm/providers", base)["provider"]["id"]
        row = {"provider": provider, "model_name": "rerank-v3.5"}
        yield Place(stage, upstream, make_group(stage.console.call("POST", "/api/v1/llm/models", row)["model"]["id"]))


def test_a_ranking_costs_its_searches_and_the_log_says_how_many(cohere: Place):
    two = {**RANKED, "meta": {"billed_units": {"search_units": 2}}}
    cohere.upstream.script(Whole(two))
    answer = cohere.post("/v1/rerank", query="where", documents=["here"])
    assert cohere.upstream.seen[0].path == "/v2/rerank"
    assert float(answer.headers["x-litellm-response-cost"]) == pytest.approx(0.004)
    row = cohere.logged(answer)
    assert (row["units"], row["unit"], row["cost_usd"]) == (2, "search", pytest.approx(0.004))


def test_images_are_counted_one_by_one_unless_the_provider_counts_tokens(place: Place):
    images = {"created": 1, "data": [{"b64_json": "aGk="}, {"b64_json": "aGk="}]}
    counted = {**images, "usage": {"input_tokens": 9, "output_tokens": 1000, "total_tokens": 1009}}
    place.upstream.script(Whole(images), Whole(counted))
    by_number = place.post("/v1/images/generations", prompt="a cat", n=2)
    assert by_number.json() == images
    row = place.logged(by_number)
    assert (row["endpoint"], row["units"], row["unit"]) == ("images/generations", 2, "image")
    by_tokens = place.logged(place.post("/v1/images/generations", prompt="a cat", n=2))
    assert (by_tokens["units"], by_tokens["unit"], by_tokens["output_tokens"]) == (None, "", 1000)


@pytest.mark.parametrize(("kind", "told"), [("audio/mpeg", "audio/mpeg"), ("text/html", "application/octet-stream")])
def test_speech_comes_as_bytes_and_never_as_a_page(place: Place, kind: str, told: str):
    place.upstream.script(Whole(b"ID3\x00\xff" * 100, headers={"Content-Type": kind}))
    answer = place.post("/v1/audio/speech", input="Hello there", voice="alloy")
    assert (answer.content, answer.headers["content-type"]) == (b"ID3\x00\xff" * 100, told)
    assert (place.upstream.seen[0].path, place.upstream.seen[0].body["voice"]) == ("/v1/audio/speech", "alloy")
    row = place.logged(answer)
    assert (row["endpoint"], row["units"], row["unit"]) == ("audio/speech", 11, "character")


@dataclass(frozen=True)
class Sound:
    """Audio in pieces, each after the client has the one before; then its end, or a cut."""

    pieces: tuple[bytes | Event, ...]
    is_cut: bool = False

    async def play(self, exchange: Exchange) -> None:
        exchange.head(200, {"Content-Type": "audio/mpeg", "Transfer-Encoding": "chunked"})
        for piece in self.pieces:
            while isinstance(piece, Event) and not piece.is_set():
                await exchange.pause(0.005)
            if isinstance(piece, bytes):
                exchange.writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                await exchange.writer.drain()
        exchange.writer.close() if self.is_cut else await exchange.end_stream()


def test_speech_comes_as_it_is_made(place: Place):
    has_begun = Event()
    place.upstream.script(Sound((b"ID3", has_begun, b"rest")))
    body = {"model": place.name, "input": "Hello there", "voice": "alloy"}
    url = f"{place.stage.console.url}/v1/audio/speech"
    with httpx.stream("POST", url, json=body, headers=BEARER, timeout=30) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"ID3"
        has_begun.set()
        assert b"".join(pieces) == b"rest"
    row = place.logged(answer)
    assert (row["status"], row["units"], row["unit"], row["is_stream"]) == (200, 11, "character", True)


def test_speech_that_breaks_off_is_cut_and_never_looks_whole(place: Place):
    place.upstream.script(Sound((b"ID3",), is_cut=True))
    body = {"model": place.name, "input": "Hello there", "voice": "alloy"}
    url = f"{place.stage.console.url}/v1/audio/speech"
    asked = httpx.stream("POST", url, json=body, headers=BEARER, timeout=30)
    with asked as answer, pytest.raises(httpx.RemoteProtocolError):
        answer.read()
    row = place.logged(answer)
    assert (row["status"], row["outcome"], row["units"]) == (502, "failed", 11)


def test_nothing_instead_of_speech_falls_back(place: Place):
    place.upstream.script(Sound(()), Sound((b"ID3",)))
    assert place.post("/v1/audio/speech", input="Hello", voice="alloy").content == b"ID3"


SPOKEN = (
    b'data: {"type":"speech.audio.delta","audio":"SUQz"}\n\n',
    b'data: {"type":"speech.audio.done","usage":{"input_tokens":4,"output_tokens":90,"total_tokens":94}}\n\n',
)
NO = b'data: {"type":"error","error":{"message":"not today","code":503}}\n\n'


def test_speech_in_events_falls_back_before_its_first_sound_and_ends_once(place: Place):
    place.upstream.script(Sent((NO,)), Sent((*SPOKEN, DONE)))
    answer = place.post("/v1/audio/speech", input="Hello", voice="alloy", stream_format="sse")
    assert answer.content == b"".join(SPOKEN)
    assert answer.headers["content-type"].startswith("text/event-stream")
    row = place.logged(answer)
    assert (row["output_tokens"], row["units"], row["unit"]) == (90, 5, "character")


def image(kind: str, **fields: Any) -> bytes:
    told = json.dumps({"type": f"image_generation.{kind}", "b64_json": "aGk=", **fields})
    return f"event: image_generation.{kind}\ndata: {told}\n\n".encode()


def test_openais_client_sees_an_image_grow(place: Place):
    usage = {"input_tokens": 9, "output_tokens": 1000, "total_tokens": 1009}
    place.upstream.script(Status(503), Sent((image("partial_image"), image("completed", usage=usage))))
    client = OpenAI(base_url=f"{place.stage.console.url}/v1", api_key=MASTER_KEY, max_retries=0, timeout=30)
    stream = client.images.with_raw_response.generate(model=place.name, prompt="a cat", stream=True, partial_images=1)
    kinds = [event.type for event in stream.parse()]
    assert kinds == ["image_generation.partial_image", "image_generation.completed"]
    row = place.logged(stream)  # type: ignore[arg-type]
    assert (row["output_tokens"], row["unit"], row["fell_back"]) == (1000, "", True)


def test_two_streamed_images_end_with_the_second(place: Place):
    parts = (image("partial_image"), image("completed"), image("partial_image"), image("completed", more=1))
    place.upstream.script(Sent((*parts, DONE)))
    answer = place.post("/v1/images/generations", prompt="a cat", n=2, stream=True)
    assert answer.content == b"".join(parts)
    assert (place.logged(answer)["units"], place.logged(answer)["unit"]) == (2, "image")


def test_an_image_that_breaks_off_has_one_error(place: Place):
    place.upstream.script(Sent((image("partial_image"),)))
    answer = place.post("/v1/images/generations", prompt="a cat", stream=True)
    assert answer.content.startswith(image("partial_image"))
    assert (answer.content.count(b'"error"'), b"[DONE]" in answer.content) == (1, False)
    assert place.logged(answer)["status"] == 502


def test_an_error_instead_of_speech_falls_back(place: Place):
    place.upstream.script(Whole({"error": {"message": "no voice today", "code": 503}}), Whole(b"ID3"))
    assert place.post("/v1/audio/speech", input="Hello", voice="alloy").content == b"ID3"
