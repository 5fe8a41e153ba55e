"""Streams that break after their first content and go on, as the official clients get them over real sockets."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest

from tests.fakes import ANSWER, CutStream, Ok, ScriptedUpstream, StalledStream, Status, TruncatedStream
from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY, becomes

HI: Any = [{"role": "user", "content": "hi"}]
BREAKS = {"cut": CutStream(5), "truncated": TruncatedStream(5), "stalled": StalledStream(5)}
PRICES = {"input_cost_per_million": 1_000_000, "output_cost_per_million": 1_000_000}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Rescued:
    """A group of two upstreams that rescues, and its name."""

    stage: Stage
    first: ScriptedUpstream
    second: ScriptedUpstream
    name: str

    def stream(self, **more: Any) -> tuple[str, list[Any], openai.APIError | None]:
        """The call id, the chunks, and how it failed."""
        create = self.stage.client.chat.completions.with_raw_response.create
        raw = create(model=self.name, messages=HI, stream=True, **more)
        chunks: list[Any] = []
        try:
            chunks.extend(raw.parse())
        except openai.APIError as error:
            return raw.headers["x-litellm-call-id"], chunks, error
        return raw.headers["x-litellm-call-id"], chunks, None

    def row(self, call_id: str) -> dict[str, Any]:
        """The request in the log."""

        def rows() -> list[dict[str, Any]]:
            found = self.stage.console.call("GET", f"/api/v1/llm/requests?group={self.name}")["requests"]
            return [row for row in found if row["call_id"] == call_id]

        becomes(lambda: len(rows()), 1)
        return rows()[0]


def text_of(chunks: list[Any]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def finishes(chunks: list[Any]) -> list[str]:
    return [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]


@pytest.fixture
def make(stage: Stage, make_group: Callable[..., str]) -> Iterator[Callable[..., Rescued]]:
    with ScriptedUpstream() as first, ScriptedUpstream() as second:

        def made(*capabilities: str, fallbacks: Sequence[str] = (), **settings: Any) -> Rescued:
            names = [f"{name} {next(_numbers)}" for name in ("Breaks", "Helps")]
            urls = (first.url, second.url)
            models = [stage.console.add_model(provider=n, api_base=u) for n, u in zip(names, urls, strict=True)]
            for model in models:
                known = {**PRICES, "capabilities": ["chat", *capabilities]}
                stage.console.call("PATCH", f"/api/v1/llm/models/{model}", known)
            retry = {"num_retries": 0, "timeout_s": 10, "stream_idle_timeout_s": 0.5}
            calm = {"cooldown_time_s": 0}
            group = make_group(
                *models,
                retry_config=retry,
                cooldown_config=calm,
                fallback_config={"fallback_groups": list(fallbacks)},
                settings={"rescue": "auto", **settings},
            )
            return Rescued(stage, first, second, group)

        yield made


@pytest.mark.parametrize("how", BREAKS)
def test_a_deterministic_answer_reaches_the_caller_whole_and_once(make, how: str):
    asked = make()
    asked.first.script(BREAKS[how])
    call_id, chunks, error = asked.stream()
    assert (text_of(chunks), error, finishes(chunks)) == (ANSWER, None, ["stop"])
    assert len({chunk.id for chunk in chunks}) == 1
    attempts = asked.stage.attempts(call_id)
    assert [(a["status"], a["rescue"]) for a in attempts] == [("error", ""), ("success", "restarted")]
    row = asked.row(call_id)
    assert (row["status"], row["rescued"]) == (200, True)


def test_one_that_fell_silent_is_left_and_one_that_was_cut_is_asked_again(make):
    asked = make()
    asked.first.script(StalledStream(5))
    asked.stream()
    asked.first.script(CutStream(5))
    asked.stream()
    assert (asked.first.count, asked.second.count) == (3, 1)


def test_both_parts_are_counted_and_priced(make):
    asked = make()
    asked.first.script(CutStream(5))
    call_id, chunks, _ = asked.stream(stream_options={"include_usage": True})
    parts = [attempt["part"] for attempt in asked.stage.attempts(call_id)]
    row, usage = asked.row(call_id), chunks[-1].usage
    assert parts[1][:2] == [7, len(ANSWER.split())]
    assert (row["input_tokens"], row["output_tokens"]) == (usage.prompt_tokens, usage.completion_tokens)
    assert [row["input_tokens"], row["output_tokens"]] == [sum(part[at] for part in parts) for at in (0, 1)]
    assert (
        row["cost_usd"] == pytest.approx(sum(part[2] for part in parts)) == pytest.approx(sum(map(sum, _counts(parts))))
    )


def _counts(parts: list[Any]) -> list[list[int]]:
    return [part[:2] for part in parts]


def test_another_answer_ends_with_the_honest_error(make):
    asked = make()
    asked.first.script(CutStream(5), Ok("something else"))
    call_id, chunks, error = asked.stream()
    assert (getattr(error, "code", None), finishes(chunks)) == ("stream_broken", [])
    assert ANSWER.startswith(text_of(chunks).strip())
    attempts = asked.stage.attempts(call_id)
    assert [(a["status"], a["rescue"]) for a in attempts] == [("error", ""), ("cancelled", "restarted")]
    assert asked.row(call_id)["status"] == 502


def test_a_model_that_can_continues_where_it_broke(make):
    asked = make("prefill")
    begun = ANSWER.split()[0]
    asked.first.script(CutStream(3), Ok("and so on"))  # `pong` and a space
    call_id, chunks, error = asked.stream()
    assert (text_of(chunks), error, finishes(chunks)) == (f"{begun} and so on", None, ["stop"])
    assert asked.first.seen[-1].body["messages"] == [*HI, {"role": "assistant", "content": begun}]
    assert [a["rescue"] for a in asked.stage.attempts(call_id)] == ["", "continued"]


def test_a_rescue_that_fails_is_tried_once_more_and_then_the_first_error_counts(make):
    asked = make()
    asked.first.script(CutStream(5), Status(503))
    asked.second.script(CutStream(6))
    call_id, _, error = asked.stream()
    assert getattr(error, "code", None) == "stream_broken"
    assert [a["status"] for a in asked.stage.attempts(call_id)] == ["error", "error", "error"]


def test_streams_are_rescued_where_nothing_is_set(make):
    asked = make(rescue=None)
    asked.first.script(CutStream(5))
    _, chunks, error = asked.stream()
    assert (text_of(chunks), error, finishes(chunks)) == (ANSWER, None, ["stop"])


def test_without_rescue_a_broken_stream_ends_with_its_error(make):
    asked = make(rescue="off")
    asked.first.script(CutStream(5))
    call_id, _, error = asked.stream()
    assert getattr(error, "code", None) == "stream_broken"
    assert len(asked.stage.attempts(call_id)) == 1


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
def test_clients_of_other_doors_get_one_whole_answer_too(make, path: str):
    asked = make()
    asked.first.script(CutStream(5))
    body: dict[str, Any] = {"model": asked.name, "stream": True, "max_tokens": 50, "messages": HI}
    if path == "/v1/responses":
        body = {"model": asked.name, "stream": True, "input": "hi"}
    answer = httpx.post(asked.stage.console.url + path, json=body, headers={"x-api-key": MASTER_KEY}, timeout=30)
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    kinds = [event["type"] for event in events]
    said = [
        event["delta"] for event in events if event["type"] in ("content_block_delta", "response.output_text.delta")
    ]
    assert "".join(one if isinstance(one, str) else one["text"] for one in said) == ANSWER
    assert kinds[-1] in ("message_stop", "response.completed")
    assert kinds.count(kinds[-1]) == 1
    usage = next(event for event in reversed(events) if "usage" in event or "response" in event)
    counts = usage.get("usage") or usage["response"]["usage"]
    assert counts["output_tokens"] == asked.row(answer.headers["x-litellm-call-id"])["output_tokens"]


def test_a_fallback_group_that_does_not_rescue_ends_with_the_error(make, make_group):
    asked = make()
    model = asked.stage.console.add_model(provider=f"Spare {next(_numbers)}", api_base=asked.second.url)
    spare = make_group(model, cooldown_config={"cooldown_time_s": 0}, settings={"rescue": "off"})
    front = make(fallbacks=[spare])
    front.first.script(Status(503))
    front.second.script(Status(503), CutStream(5))
    body = {"model": front.name, "stream": True, "max_tokens": 50, "messages": HI}
    url, key = f"{asked.stage.console.url}/v1/messages", {"x-api-key": MASTER_KEY}
    answer = httpx.post(url, json=body, headers=key, timeout=30)
    assert "event: error" in answer.text
    attempts = asked.stage.attempts(answer.headers["x-litellm-call-id"])
    assert [(a["status"], a["rescue"]) for a in attempts] == [("error", "")] * 3


def test_a_caller_who_leaves_during_a_rescue_ends_it(make):
    asked = make()
    asked.first.script(CutStream(5), Ok(pause_s=1.0))
    create = asked.stage.client.chat.completions.with_raw_response.create
    raw = create(model=asked.name, messages=HI, stream=True)
    chunks = raw.parse()
    for _ in zip(range(5), chunks, strict=False):
        pass
    becomes(lambda: asked.first.count, 2)  # the rescue has begun
    chunks.close()
    assert asked.first.saw_disconnect()
    becomes(lambda: [a["status"] for a in asked.stage.attempts(raw.headers["x-litellm-call-id"])][-1], "cancelled")
