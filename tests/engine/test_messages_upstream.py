"""An Anthropic upstream `a` before an OpenAI-compatible one `b`, for clients of both doors, over real sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from threading import Event
from typing import Any

import pytest

from engine.dialects.anthropic.signatures import MARK
from engine.exceptions import Unsuitable
from engine.ledger import Trace
from engine.spec import Router, Secret
from engine.upstreams.call import Answer, Call, Usage
from tests.dialects.test_messages_over_chat import assembled
from tests.engine.direct_calls import DONE, RETRY, ROLE, STOP, WORD, Said, Sent, Whole, chunk, upstream_of_a_test
from tests.engine.scripted import deployment, group, routing_of
from tests.fakes import ScriptedUpstream

ASKED: dict[str, Any] = {"model": "team", "max_tokens": 50, "messages": [{"role": "user", "content": "x" * 40}]}
CHAT: dict[str, Any] = {"model": "team", "messages": ASKED["messages"]}
COUNTED = chunk({}, "stop", usage={"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10})


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5"}
USED = {"input_tokens": 12, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1}
START = event(
    "message_start", message={**MESSAGE, "content": [], "stop_reason": None, "stop_sequence": None, "usage": USED}
)
PING = event("ping")
TEXT = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
WORDS = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "some words of an answer"})
END = event("content_block_stop", index=0)
FINISH = event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 6})
LAST = event("message_stop")
WHOLE_STREAM = (START, PING, TEXT, WORDS, END, FINISH, LAST)
OVERLOADED = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
ANSWER = {**MESSAGE, "content": [{"type": "text", "text": "Hello."}], "stop_reason": "end_turn", "stop_sequence": None}
COUNTS = Usage(24, 6, 30, cached_tokens=7, cache_write_tokens=5)


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with upstream_of_a_test() as server:
        yield server


async def ask(
    upstream: ScriptedUpstream, endpoint: Any = "messages", body: dict[str, Any] = ASKED, **fields: Any
) -> Said:
    """One request to a group of both; `fields` are those of `a`."""
    stream, order = fields.pop("stream", True), fields.pop("order", "ab")
    seen = fields.pop("seen", None)
    router, headers = fields.pop("router", Router.NATIVE), fields.pop("headers", {})
    shares = fields.pop("shares_accounts", False)
    places = {
        "a": {
            "provider_type": "anthropic",
            "upstream_model": "claude-sonnet-4-5",
            "dialects": frozenset({"messages"}),
            "api_key": Secret("sk-ant-test"),
            **fields,
        },
        "b": {},
    }
    rows = tuple(
        deployment(name, priority=tier, api_base=upstream.url, **places[name])
        for tier, name in enumerate(order, start=1)
    )
    routing = await routing_of(group(deployments=rows, retry=RETRY, router=router))
    live = routing.get("g")
    assert live is not None
    asked = {**body, "stream": True} if stream else body
    one = Call(endpoint, asked, Trace("r", "g"), stream, headers=headers, shares_accounts=shares)
    parts, result = list[bytes](), None
    try:
        result = await routing.route(one, live)
        if isinstance(result, Answer):
            return Said(result.body, None, one.trace, result.usage)
        async for part in result:
            parts.append(part)
            if seen is not None:
                seen.set()
    except Exception as error:
        return Said(b"".join(parts), error, one.trace, result.usage if result else None)
    return Said(b"".join(parts), None, one.trace, result.usage)


def renamed(data: bytes) -> bytes:
    return data.replace(b'"model": "claude-sonnet-4-5"', b'"model": "team"')


async def test_a_stream_in_the_clients_own_dialect_is_passed_on_byte_by_byte(upstream: ScriptedUpstream):
    upstream.script(Sent(WHOLE_STREAM))
    said = await ask(upstream)
    assert (said.error, said.body) == (None, renamed(b"".join(WHOLE_STREAM)))
    assert said.usage == COUNTS
    assert said.first.first_token_ms is not None


async def test_a_whole_answer_in_the_clients_own_dialect_is_passed_on_byte_by_byte(upstream: ScriptedUpstream):
    body = json.dumps({**ANSWER, "usage": {**USED, "output_tokens": 6}}).encode()
    upstream.script(Whole(body))
    said = await ask(upstream, stream=False)
    assert (said.error, said.body, said.usage) == (None, renamed(body), COUNTS)


async def test_the_request_goes_up_as_it_is_with_key_and_version(upstream: ScriptedUpstream):
    upstream.script(Sent(WHOLE_STREAM))
    body = {**ASKED, "metadata": {"user_id": "u"}, "system": [{"type": "text", "text": "s"}]}
    await ask(upstream, body=body, headers={"anthropic-beta": "effort-2025-11-24", "cookie": "c"})
    sent = upstream.seen[0]
    assert sent.body == {**body, "model": "claude-sonnet-4-5", "stream": True}
    assert sent.path == "/v1/messages"
    headers = {name.lower(): value for name, value in sent.headers.items()}
    assert headers["x-api-key"] == "sk-ant-test"
    assert (headers["anthropic-version"], headers["anthropic-beta"]) == ("2023-06-01", "effort-2025-11-24")


async def test_an_overload_after_the_start_of_a_message_falls_back_to_a_chat_upstream(upstream: ScriptedUpstream):
    upstream.script(Sent((START, PING, OVERLOADED)), Sent((ROLE, WORD, COUNTED, DONE)))
    said = await ask(upstream)
    assert (said.error, said.path) == (None, "a:error>b:success")
    assert said.first.status_code == 529
    message = assembled(said.body.decode())
    assert [block["text"] for block in message["content"]] == ["word"]
    assert (message["model"], message["usage"]["input_tokens"], message["usage"]["output_tokens"]) == ("team", 7, 3)


async def test_a_dead_chat_upstream_falls_back_to_anthropic_for_a_client_of_messages(upstream: ScriptedUpstream):
    upstream.script(Whole({"error": {"message": "gone"}}, status=503), Sent(WHOLE_STREAM))
    said = await ask(upstream, order="ba")
    assert (said.error, said.path) == (None, "b:error>a:success")
    assert said.body == renamed(b"".join(WHOLE_STREAM))


async def test_a_chat_client_falls_back_from_anthropic_to_a_chat_upstream_and_back(upstream: ScriptedUpstream):
    upstream.script(Whole({"type": "error", "error": {"type": "overloaded_error", "message": "o"}}, status=529))
    upstream.script(Sent((ROLE, WORD, STOP, DONE)))
    said = await ask(upstream, "chat/completions", CHAT)
    assert (said.error, said.path, said.text) == (None, "a:error>b:success", "word")
    upstream.script(Whole({"error": {"message": "gone"}}, status=503), Sent(WHOLE_STREAM))
    said = await ask(upstream, "chat/completions", CHAT, order="ba")
    assert (said.error, said.path, said.text) == (None, "b:error>a:success", "some words of an answer")


async def test_a_chat_client_gets_chunks_and_usage_where_it_asked_for_them(upstream: ScriptedUpstream):
    upstream.script(Sent(WHOLE_STREAM), Sent(WHOLE_STREAM))
    said = await ask(upstream, "chat/completions", {**CHAT, "stream_options": {"include_usage": True}})
    assert said.body.endswith(b"data: [DONE]\n\n")
    assert said.events[-1]["usage"]["prompt_tokens_details"]["cached_tokens"] == 7
    assert (said.usage, said.text) == (COUNTS, "some words of an answer")
    plain = await ask(upstream, "chat/completions", {**CHAT, "seed": 1})
    assert "usage" not in plain.events[-1]
    assert (plain.usage, plain.first.dropped_params) == (COUNTS, ("seed",))
    assert upstream.seen[1].body["max_tokens"] == 8192


async def test_a_chat_client_gets_a_whole_answer(upstream: ScriptedUpstream):
    upstream.script(Whole({**ANSWER, "usage": {**USED, "output_tokens": 6}}))
    said = await ask(upstream, "chat/completions", CHAT, stream=False)
    answer = json.loads(said.body)
    assert answer["choices"][0]["message"]["content"] == "Hello."
    assert (answer["usage"]["total_tokens"], said.usage) == (30, COUNTS)


async def test_a_stream_that_is_cut_fails_once_and_its_tokens_are_estimated(upstream: ScriptedUpstream):
    seen = Event()
    upstream.script(Sent((START, TEXT, WORDS, WORDS, seen), "cut"))
    said = await ask(upstream, seen=seen)
    assert said.error is not None
    assert said.body.count(b"event: error") == 0
    assert said.usage is not None
    assert said.usage.is_estimated
    assert said.usage.output_tokens >= 8
    assert said.usage.input_tokens >= 10


async def test_an_error_after_content_is_told_by_us_alone_with_its_own_status(upstream: ScriptedUpstream):
    seen = Event()
    upstream.script(Sent((START, TEXT, WORDS, seen, OVERLOADED)))
    said = await ask(upstream, seen=seen)
    assert (said.path, said.first.status_code) == ("a:error", 529)
    assert said.error is not None
    assert b"overloaded" not in said.body.lower()


async def test_a_server_without_the_last_event_has_told_the_whole_answer(upstream: ScriptedUpstream):
    upstream.script(Sent((START, TEXT, WORDS, END, FINISH)))
    said = await ask(upstream)
    assert said.error is None
    assert said.body.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


async def test_a_server_without_event_lines_is_understood(upstream: ScriptedUpstream):
    upstream.script(Sent(tuple(part.partition(b"\n")[2] for part in WHOLE_STREAM)))
    said = await ask(upstream)
    assert (said.error, said.usage) == (None, COUNTS)
    assert said.body == renamed(b"".join(part.partition(b"\n")[2] for part in WHOLE_STREAM))


async def test_an_answer_that_is_no_message_is_refused(upstream: ScriptedUpstream):
    upstream.script(Whole({"hello": 1}), Whole({"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}))
    said = await ask(upstream, stream=False)
    assert (said.error, said.path) == (None, "a:error>b:success")


async def test_thoughts_that_are_not_anthropics_stay_here(upstream: ScriptedUpstream):
    marked = {"type": "thinking", "thinking": "Hm.", "signature": MARK}
    turns = [*ASKED["messages"], {"role": "assistant", "content": [marked, {"type": "text", "text": "Hi."}]}]
    upstream.script(Sent(WHOLE_STREAM))
    await ask(upstream, body={**ASKED, "messages": [*turns, {"role": "user", "content": "And?"}]})
    assert upstream.seen[0].body["messages"][1]["content"] == [{"type": "text", "text": "Hi."}]


async def test_what_newest_models_take_is_fitted_to_the_model_that_is_called(upstream: ScriptedUpstream):
    upstream.script(Sent(WHOLE_STREAM))
    body = {
        **ASKED,
        "max_tokens": 32000,
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
        "messages": [*ASKED["messages"], {"role": "system", "content": "Be kind."}],
    }
    await ask(upstream, body=body)
    sent = upstream.seen[0].body
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": 16384}
    assert "output_config" not in sent
    assert sent["messages"][0]["content"][1]["text"] == "<system-reminder>\nBe kind.\n</system-reminder>"


@pytest.mark.parametrize("router", list(Router))
async def test_what_anthropic_cannot_do_makes_it_unsuitable_and_is_no_failure(
    upstream: ScriptedUpstream, router: Router
):
    upstream.script(Sent((ROLE, WORD, STOP, DONE)))
    said = await ask(upstream, "chat/completions", {**CHAT, "logit_bias": {"1": 2}, "n": 2}, router=router, stream=True)
    assert (said.path, said.text) == ("b:success", "word")
    if router is Router.NATIVE:
        skip = said.trace.skipped[0]
        assert (skip.deployment_id, skip.reason, skip.message) == (
            "a",
            "unsuitable",
            "Anthropic gives one answer to a request.",
        )


@pytest.mark.parametrize("router", list(Router))
async def test_a_request_that_nobody_can_answer_as_it_is_asked_names_its_parameter(
    upstream: ScriptedUpstream, router: Router
):
    said = await ask(upstream, "chat/completions", {**CHAT, "n": 2}, order="a", router=router)
    assert isinstance(said.error, Unsuitable)
    assert (said.error.status, said.error.param, said.trace.attempts) == (400, "n", [])


async def test_an_uploaded_file_goes_to_anthropic_only(upstream: ScriptedUpstream):
    image = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
    body = {**ASKED, "messages": [{"role": "user", "content": [image]}]}
    upstream.script(Sent(WHOLE_STREAM))
    said = await ask(upstream, body=body, order="ba", shares_accounts=True)
    assert (said.error, said.path) == (None, "a:success")
    foreign = await ask(upstream, body=body, order="ba")
    assert isinstance(foreign.error, Unsuitable)
    assert foreign.error.param == "messages[0].content[0].source.file_id"
