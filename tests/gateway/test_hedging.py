"""Hedged requests over real sockets: who answers, what the slower upstream notices, and what the ledger keeps."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.fakes import ANSWER, ClientGone, Exchange, Ok, ScriptedUpstream, StalledStream, Status
from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY, becomes, leave_once

HI: Any = [{"role": "user", "content": "hi"}]
PRICES = {"input_cost_per_million": 1_000_000, "output_cost_per_million": 1_000_000}
AFTER_MS = 150
HEADERS = {"x-api-key": MASTER_KEY, "anthropic-version": "2023-06-01"}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
_numbers = itertools.count(1)


@dataclass
class Silent:
    """Never answers; counts who hangs up. `events` of a stream come before the silence."""

    events: int = 0
    gone: int = 0

    async def play(self, exchange: Exchange) -> None:
        try:
            if self.events and exchange.is_stream:
                await StalledStream(self.events).play(exchange)
            else:
                await exchange.pause(None)
        except ClientGone:
            self.gone += 1
            raise


@dataclass(frozen=True)
class Once:
    """Answers as another one does, but only once something has happened and `then_s` seconds have passed."""

    has_happened: Callable[[], bool]
    inner: Any = field(default_factory=Ok)
    then_s: float = 0.0

    async def play(self, exchange: Exchange) -> None:
        while not self.has_happened():
            await exchange.pause(0.01)
        if self.then_s:
            await exchange.pause(self.then_s)
        await self.inner.play(exchange)


@dataclass(frozen=True)
class Halting:
    """Begins its answer, and goes on (if it is a stream) once something has happened."""

    has_happened: Callable[[], bool]

    async def play(self, exchange: Exchange) -> None:
        await (self._stream(exchange) if exchange.is_stream else Ok().play(exchange))

    async def _stream(self, exchange: Exchange) -> None:
        exchange.start_stream()
        for word in ANSWER.split():
            await exchange.event(_chunk({"role": "assistant", "content": word}, None))
            while not self.has_happened():
                await exchange.pause(0.01)
        await exchange.event(_chunk({}, "stop"))
        await exchange.event("[DONE]")
        await exchange.end_stream()


@dataclass(frozen=True)
class Calls:
    """Streams one tool call, its arguments in two pieces."""

    async def play(self, exchange: Exchange) -> None:
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}
        pieces = [call, *({"index": 0, "function": {"arguments": piece}} for piece in ('{"at"', ': "x"}'))]
        exchange.start_stream()
        deltas: list[dict[str, Any]] = [{"role": "assistant"}, *({"tool_calls": [piece]} for piece in pieces)]
        for delta in deltas:
            await exchange.event(_chunk(delta, None))
        await exchange.event(_chunk({}, "tool_calls"))
        await exchange.event("[DONE]")
        await exchange.end_stream()


def _chunk(delta: dict[str, Any], finish: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


@dataclass(frozen=True)
class Hedged:
    """A group of two upstreams that hedges, and its name."""

    stage: Stage
    first: ScriptedUpstream
    second: ScriptedUpstream
    name: str

    def ask(self, door: str, *, is_stream: bool, **more: Any) -> httpx.Response:
        path, body = BODIES[door]
        whole = {"model": self.name, "stream": is_stream, **body, **more}
        return httpx.post(self.stage.console.url + path, json=whole, headers=HEADERS, timeout=30)

    def attempts(self, answer: httpx.Response) -> list[dict[str, Any]]:
        return self.stage.attempts(answer.headers["x-litellm-call-id"])

    def row(self, answer: httpx.Response) -> dict[str, Any]:
        """The request in the log."""
        call_id = answer.headers["x-litellm-call-id"]

        def rows() -> list[dict[str, Any]]:
            found = self.stage.console.call("GET", f"/api/v1/llm/requests?group={self.name}")["requests"]
            return [row for row in found if row["call_id"] == call_id]

        becomes(lambda: len(rows()), 1)
        return rows()[0]


BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": HI}),
    "responses": ("/v1/responses", {"input": "hi"}),
    "messages": ("/v1/messages", {"messages": HI, "max_tokens": 50}),
}


@pytest.fixture
def make(stage: Stage, make_group: Callable[..., str]) -> Iterator[Callable[..., Hedged]]:
    with ScriptedUpstream() as first, ScriptedUpstream() as second:

        def made(*kinds: dict[str, Any], **hedge: Any) -> Hedged:
            rows = zip(("Slow", "Quick"), (first, second), kinds or ({}, {}), strict=True)
            models = [_model(stage, f"{name} {next(_numbers)}", one.url, kind) for name, one, kind in rows]
            settings = {"hedge": {"enabled": True, "after_ms": AFTER_MS, "budget": 1.0, **hedge}}
            retry = {"num_retries": 0, "timeout_s": 10}
            calm = {"cooldown_time_s": 0}
            group = make_group(*models, retry_config=retry, cooldown_config=calm, settings=settings)
            return Hedged(stage, first, second, group)

        yield made


def _model(stage: Stage, name: str, url: str, kind: dict[str, Any]) -> str:
    row = {"name": name, "type": "custom", "api_key": "sk-upstream-of-a-test", "api_base": url, **kind}
    provider = stage.console.call("POST", "/api/v1/llm/providers", row)["provider"]["id"]
    catalog = {"provider": provider, "model_name": "llama", **PRICES}
    return str(stage.console.call("POST", "/api/v1/llm/models", catalog)["model"]["id"])


def marks(attempts: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    return [(one["status"], one["hedge"], one["moved_on_because"]) for one in attempts]


def closed_by_then(asked: Hedged, door: str, *, is_stream: bool, events: int = 1) -> httpx.Response:
    """The answer of a hedged request whose slow upstream was closed when the other one began: that one, streamed,
    does not end before. (How soon, with the clock of the tests: tests/engine/drivers/test_hedging.py.)"""
    silent = Silent(events)
    asked.first.script(silent)
    asked.second.script(Halting(lambda: bool(silent.gone)))
    answer = asked.ask(door, is_stream=is_stream)
    assert (answer.status_code, answer.headers["x-routing-hedged"]) == (200, "won")
    becomes(lambda: silent.gone, 1)
    return answer


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("door", BODIES)
def test_the_second_answers_at_every_door_and_the_first_is_closed_when_it_begins(make, door: str, is_stream: bool):
    asked = make()
    answer = closed_by_then(asked, door, is_stream=is_stream)
    assert ANSWER.split()[-1] in answer.text
    assert marks(asked.attempts(answer)) == [("cancelled", "hedge_lost", "hedged"), ("success", "hedged", None)]


@pytest.mark.parametrize(
    "kind",
    [{}, {"type": "anthropic"}, {"type": "openai", "dialects": ["responses"]}],
    ids=["chat", "messages", "responses"],
)
@pytest.mark.parametrize("door", BODIES)
def test_a_slow_one_of_any_dialect_is_closed_by_then(make, kind: dict[str, Any], door: str):
    closed_by_then(make(kind, {}), door, is_stream=True, events=0)


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "streamed"])
def test_one_through_litellm_loses_and_wins_like_any_other(make, is_stream: bool):
    litellm = {"type": "openai", "dialects": ["litellm"]}
    asked = make(litellm, litellm, after_ms=1000)
    # LiteLLM is imported by the first request that needs it, which takes seconds.
    assert asked.ask("chat", is_stream=is_stream).status_code == 200
    closed_by_then(asked, "chat", is_stream=is_stream)


@pytest.mark.parametrize("door", BODIES)
def test_a_streamed_tool_call_comes_whole_from_the_second(make, door: str):
    asked = make()
    asked.first.script(Silent())
    asked.second.script(Calls())
    tools = {"chat": [TOOL], "responses": [{"type": "function", "name": "look"}]}
    messages = [{"name": "look", "input_schema": {"type": "object"}}]
    answer = asked.ask(door, is_stream=True, tools=tools.get(door, messages))
    assert answer.headers["x-routing-hedged"] == "won"
    pieces = ['\\"at\\"', ': \\"x\\"']
    assert all(piece in answer.text for piece in pieces), answer.text


def test_the_first_that_begins_in_the_end_wins_and_the_second_is_closed(make):
    asked, silent = make(), Silent()
    asked.first.script(Once(lambda: asked.second.count == 1))
    asked.second.script(silent)
    answer = asked.ask("chat", is_stream=True)
    assert answer.headers["x-routing-hedged"] == "lost"
    becomes(lambda: silent.gone, 1)
    assert marks(asked.attempts(answer)) == [("success", "", "hedged"), ("cancelled", "hedge_lost", None)]


def test_one_that_begins_in_time_is_asked_alone(make):
    asked = make(after_ms=5000)
    answer = asked.ask("chat", is_stream=False)
    assert "x-routing-hedged" not in answer.headers
    assert (asked.first.count, asked.second.count) == (1, 0)


def test_a_failure_of_one_of_two_ends_nothing(make):
    asked = make()
    asked.first.script(Once(lambda: asked.second.count == 1, then_s=1))
    asked.second.script(Status(503))
    answer = asked.ask("chat", is_stream=False)
    assert (answer.status_code, answer.headers["x-routing-hedged"]) == (200, "lost")
    assert marks(asked.attempts(answer)) == [("success", "", "hedged"), ("error", "hedged", None)]


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "streamed"])
def test_tokens_and_cost_of_both_are_counted(make, is_stream: bool):
    asked = make()
    asked.first.script(Silent())
    answer = asked.ask("chat", is_stream=is_stream)
    lost, won = asked.attempts(answer)
    read, written, usd = lost["part"]
    assert (read > 0, written, usd, won["part"]) == (True, 0, pytest.approx(read), None)
    row = asked.row(answer)
    own = 7 + len(ANSWER.split())  # as the upstream counts
    assert row["input_tokens"] + row["output_tokens"] == own + read
    assert row["cost_usd"] == pytest.approx(own + usd)
    if not is_stream:
        assert float(answer.headers["x-litellm-response-cost"]) == pytest.approx(own + usd)
    assert (answer.headers["x-litellm-attempted-retries"], answer.headers["x-litellm-attempted-fallbacks"]) == (
        "0",
        "0",
    )
    assert row["fell_back"] is False


def test_losers_open_no_breaker_and_hold_no_place(make):
    asked = make()
    for _ in range(6):
        asked.first.script(Silent())
        assert asked.ask("chat", is_stream=False).headers["x-routing-hedged"] == "won"
    assert asked.ask("chat", is_stream=False).status_code == 200
    assert asked.first.count == 7


def test_a_caller_who_leaves_closes_both(make):
    asked, silent, other = make(), Silent(), Silent()
    asked.first.script(silent)
    asked.second.script(other)
    path, body = BODIES["chat"]
    url, body = asked.stage.console.url + path, {"model": asked.name, **body}
    leave_once(url, body, lambda: (asked.first.count, asked.second.count) == (1, 1))
    becomes(lambda: (silent.gone, other.gone), (1, 1))


def test_the_budget_bounds_how_many_are_asked_twice(make):
    asked = make(budget=0.1)
    asked.first.usual = Ok(delay_s=0.3)
    hedged = ["x-routing-hedged" in asked.ask("chat", is_stream=False).headers for _ in range(15)]
    asked.first.usual = Ok()
    assert 1 <= sum(hedged) <= 2
    assert asked.second.count == sum(hedged)
