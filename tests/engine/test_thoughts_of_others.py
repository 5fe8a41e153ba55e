"""Encrypted reasoning and signatures: upstreams that verify them get their own back, and none of another's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from engine.dialects.call_ids import REPLACED
from engine.ledger import Trace
from engine.spec import Secret
from engine.upstreams import foreign_thoughts
from engine.upstreams.call import Answer, Call
from engine.upstreams.connections import close_session
from tests.engine.direct_calls import RETRY
from tests.engine.scripted import deployment, group, path_of, routing_of
from tests.fakes import Exchange, ScriptedUpstream, Status

OTHERS = "The encrypted content gAAA...== could not be verified. Reason: Encrypted content could not be decrypted."


@dataclass(frozen=True)
class Verifying:
    """Speaks Responses and Messages, thinks, and takes back only what it has signed itself."""

    name: str

    def sign(self, number: int) -> str:
        return f"{number:020d}-{self.name}-" + "x" * 60 + f"{number:03d}{self.name}"

    async def play(self, exchange: Exchange) -> None:
        body, number = exchange.body, len(json.dumps(exchange.body))
        if exchange.path.endswith("/messages"):
            await self._messages(exchange, body, number)
        else:
            await self._responses(exchange, body, number)

    async def _responses(self, exchange: Exchange, body: dict[str, Any], number: int) -> None:
        items = body["input"] if isinstance(body["input"], list) else []
        given = [item.get("encrypted_content") for item in items if item.get("type") == "reasoning"]
        if not all(text and text.endswith(self.name) for text in given):
            error = {"message": OTHERS, "type": "invalid_request_error", "code": "invalid_encrypted_content"}
            await exchange.answer(400, {"error": error})
            return
        thought = {"type": "reasoning", "id": f"rs_{number}", "summary": [], "encrypted_content": self.sign(number)}
        text = {"type": "output_text", "text": "hi", "annotations": []}
        said = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": [text]}
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        head = {"id": "resp_1", "object": "response", "status": "completed", "store": False, "usage": usage}
        await exchange.answer(200, {**head, "output": [thought, said]})

    async def _messages(self, exchange: Exchange, body: dict[str, Any], number: int) -> None:
        blocks = [b for m in body["messages"] if isinstance(m["content"], list) for b in m["content"]]
        given = [block["signature"] for block in blocks if block["type"] == "thinking"]
        if not all(text.endswith(self.name) for text in given):
            why = "messages.1.content.0: Invalid `signature` in `thinking` block"
            await exchange.answer(400, {"type": "error", "error": {"type": "invalid_request_error", "message": why}})
            return
        content: list[dict[str, Any]] = [
            {"type": "thinking", "thinking": "Hm.", "signature": self.sign(number)},
            {"type": "text", "text": "hi"},
        ]
        head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
        await exchange.answer(200, {**head, "content": content, "usage": {"input_tokens": 1, "output_tokens": 1}})


@pytest.fixture
def upstreams() -> Iterator[tuple[ScriptedUpstream, ScriptedUpstream]]:
    foreign_thoughts._accepted.clear()
    with ExitStack() as stack:
        one, other = (stack.enter_context(ScriptedUpstream(Verifying(name))) for name in "ab")
        yield one, other


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_session()


@dataclass
class Talk:
    """A conversation through a group of both upstreams; every turn has all before it."""

    upstreams: tuple[ScriptedUpstream, ScriptedUpstream]
    endpoint: Any
    history: list[dict[str, Any]]

    async def turn(self, order: str = "ab") -> Trace:
        """One more turn, with the deployments in this order."""
        urls = dict(zip("ab", self.upstreams, strict=True))
        rows = tuple(
            deployment(name, priority=tier, api_base=urls[name].url, api_key=Secret(name), dialects=DIALECTS)
            for tier, name in enumerate(order, start=1)
        )
        routing = await routing_of(group(deployments=rows, retry=replace(RETRY, num_retries=0)))
        live = routing.get("g")
        assert live is not None
        self.history.append({"role": "user", "content": "Go on."})
        name = "input" if self.endpoint == "responses" else "messages"
        call = Call(self.endpoint, {"model": "g", "max_tokens": 9, name: self.history}, Trace("r", "g"))
        result = await routing.route(call, live)
        assert isinstance(result, Answer)
        said = json.loads(result.body)
        answer = said["output"] if name == "input" else [{"role": "assistant", "content": said["content"]}]
        self.history = [*self.history, *answer]
        return call.trace


def lost_in(trace: Trace) -> list[tuple[str, ...]]:
    """What each attempt left out; ids of items, which are others there, are no loss."""
    return [tuple(name for name in one.dropped_params if name not in REPLACED) for one in trace.attempts]


DIALECTS = frozenset({"responses", "messages"})
DOORS = [("responses", "input.reasoning"), ("messages", "messages.thinking")]


@pytest.mark.parametrize(("endpoint", "dropped"), DOORS)
async def test_a_conversation_that_stays_keeps_its_thoughts(upstreams, endpoint: str, dropped: str):
    talk = Talk(upstreams, endpoint, [])
    for _ in range(3):
        trace = await talk.turn()
        assert lost_in(trace) == [()]
    assert upstreams[0].count == 3
    assert json.dumps(upstreams[0].seen[-1].body).count("x" * 60) == 2


@pytest.mark.parametrize(("endpoint", "dropped"), DOORS)
async def test_a_conversation_that_moves_leaves_behind_what_others_can_not_read(upstreams, endpoint: str, dropped: str):
    talk = Talk(upstreams, endpoint, [])
    await talk.turn()
    moved = await talk.turn("ba")
    assert (path_of(moved), lost_in(moved)) == ("b:success", [(dropped,)])
    assert upstreams[1].count == 2  # it was asked with them, and again without
    again = await talk.turn("ba")
    assert (path_of(again), lost_in(again), upstreams[1].count) == ("b:success", [(dropped,)], 3)
    sent = json.dumps(upstreams[1].seen[-1].body)
    assert ("-a-" in sent, "-b-" in sent) == (False, True)
    back = await talk.turn()
    sent = json.dumps(upstreams[0].seen[-1].body)
    assert (path_of(back), lost_in(back)) == ("a:success", [(dropped,)])
    assert "-b-" not in sent


@pytest.mark.parametrize(("endpoint", "dropped"), DOORS)
async def test_a_fallback_within_a_request_leaves_them_behind(upstreams, endpoint: str, dropped: str):
    talk = Talk(upstreams, endpoint, [])
    await talk.turn()
    upstreams[0].script(Status(503))
    trace = await talk.turn()
    assert path_of(trace) == "a:error>b:success"
    assert lost_in(trace) == [(), (dropped,)]


async def test_what_a_place_has_accepted_stays_there_when_it_refuses_others(upstreams):
    talk = Talk(upstreams, "responses", [])
    await talk.turn()
    await talk.turn()
    await talk.turn("ba")
    await talk.turn()
    sent = json.dumps(upstreams[0].seen[-1].body)
    assert ("-a-" in sent, "-b-" in sent) == (True, False)


async def test_a_refusal_of_something_else_is_told(upstreams):
    talk = Talk(upstreams, "responses", [])
    await talk.turn()
    upstreams[0].script(Status(400, message="'temperature' is too high."))
    upstreams[1].script(Status(400, message="'temperature' is too high."))
    with pytest.raises(Exception, match="temperature"):
        await talk.turn()
    assert upstreams[0].count == 2
