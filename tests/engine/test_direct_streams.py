"""What a direct upstream streams, over a real socket: what its caller gets, and what the ledger says."""

from collections.abc import AsyncIterator
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from tests.engine.direct_calls import DONE, GONE, RETRY, ROLE, STOP, WORD, Sent, Whole, call, chunk, upstream_of_a_test
from tests.fakes import ANSWER, ScriptedUpstream
from tests.pace import Stopwatch

FAILED_OVER = "a:error>b:success"
EMPTY = b'data: {"id": "1", "choices": []}\n\n'
SOON = replace(RETRY, first_token_timeout_s=1.0)


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with upstream_of_a_test() as server:
        yield server


ERRORS = {
    "beside an empty delta": chunk({"content": ""}, "error", error=GONE),
    "of its own": b'data: {"error": {"code": 502, "message": "provider gone"}}\n\n',
    "in a choice": b'data: {"choices": [{"delta": {}, "error": {"code": 502, "message": "provider gone"}}]}\n\n',
    "an event named error": b'event: error\ndata: {"code": 502, "message": "provider gone"}\n\n',
}


@pytest.mark.parametrize("event", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("before", [(), (ROLE,), (EMPTY,), (b": ping\n\n", ROLE)])
async def test_an_error_before_the_first_content_goes_to_the_next_deployment(
    upstream: ScriptedUpstream, event: bytes, before: tuple[bytes, ...]
):
    upstream.script(Sent((*before, event, DONE)))
    said = await call(upstream)
    assert (said.error, said.path, said.text) == (None, FAILED_OVER, ANSWER)
    assert said.first.error_message == "provider gone"


@pytest.mark.parametrize("event", ERRORS.values(), ids=ERRORS)
async def test_an_error_after_the_first_content_is_told_and_is_a_failure(upstream: ScriptedUpstream, event: bytes):
    upstream.script(Sent((ROLE, WORD, seen := Event(), event, DONE)))
    said = await call(upstream, seen=seen)
    assert said.error is not None
    assert (said.path, said.text) == ("a:error", "word")
    assert said.first.error_message == "provider gone"
    assert DONE not in said.body


@pytest.mark.parametrize("before", [(), (ROLE,), (EMPTY,), (ROLE, chunk({"content": None}), b": ping\n\n")])
@pytest.mark.parametrize("then", ["end", "cut", "open", "ping"])
async def test_a_stream_that_never_gets_to_its_content_goes_to_the_next_deployment(
    upstream: ScriptedUpstream, before: tuple[bytes, ...], then: Any
):
    upstream.script(Sent(before, then=then))
    said = await call(upstream, retry=SOON if then in ("open", "ping") else RETRY)
    assert (said.error, said.path, said.text) == (None, FAILED_OVER, ANSWER)
    assert (said.first.error_class == "Timeout") == (then in ("open", "ping"))


async def test_what_was_held_is_delivered_with_the_first_content(upstream: ScriptedUpstream):
    upstream.script(Sent((ROLE, EMPTY, chunk({"reasoning_content": "hm"}), WORD, STOP, DONE)))
    said = await call(upstream)
    assert said.body == ROLE + EMPTY + chunk({"reasoning_content": "hm"}) + WORD + STOP + DONE


@pytest.mark.parametrize(
    "delta", [{"reasoning_content": "hm"}, {"tool_calls": [{"index": 0, "function": {"name": "f"}}]}]
)
async def test_reasoning_and_a_tool_call_are_delivered_at_once(upstream: ScriptedUpstream, delta: dict[str, Any]):
    upstream.script(Sent((ROLE, chunk(delta)), then="open"))
    said = await call(upstream, retry=replace(RETRY, stream_idle_timeout_s=0.3))
    assert said.error is not None
    assert (said.path, said.body) == ("a:error", ROLE + chunk(delta))


async def test_an_event_that_is_no_json_is_dropped_and_counted(upstream: ScriptedUpstream):
    upstream.script(Sent((b"data: {half\n\n", WORD, b"data: <html>\n\n", b"data: 7\n\n", WORD, STOP, DONE)))
    said = await call(upstream)
    assert (said.error, said.path) == (None, "a:success")
    assert said.body == WORD + WORD + STOP + DONE
    assert said.first.dropped_events == 3


CUT: dict[str, tuple[tuple[bytes, ...], int]] = {
    "an empty finish_reason": ((WORD, chunk({}, ""), DONE), 1),
    "DONE without any finish_reason": ((WORD, DONE), 1),
    "no finish_reason and no DONE": ((WORD,), 1),
    "two of which one is finished": ((WORD, chunk({"content": "x"}, index=1), STOP, DONE), 2),
    "two of which one has not begun": ((WORD, STOP), 2),
}


@pytest.mark.parametrize(("parts", "n"), CUT.values(), ids=CUT)
async def test_a_stream_without_all_its_ends_was_cut(upstream: ScriptedUpstream, parts: tuple[bytes, ...], n: int):
    upstream.script(Sent((parts[0], seen := Event(), *parts[1:])))
    said = await call(upstream, seen=seen, n=n)
    assert said.error is not None
    assert (said.path, DONE in said.body) == ("a:error", False)
    assert "cut" in (said.first.error_message or "")


async def test_a_cut_that_comes_with_the_first_content_goes_to_the_next_deployment(upstream: ScriptedUpstream):
    upstream.script(Sent((WORD + DONE,)))
    said = await call(upstream)
    assert (said.error, said.path, said.text) == (None, FAILED_OVER, ANSWER)


async def test_two_answers_that_are_both_finished_are_whole(upstream: ScriptedUpstream):
    second = [chunk({"content": "x"}, index=1), chunk({}, "length", index=1)]
    upstream.script(Sent((WORD, second[0], STOP, second[1], DONE)))
    said = await call(upstream, n=2)
    assert (said.error, said.body) == (None, WORD + second[0] + STOP + second[1] + DONE)


ENDS: dict[str, tuple[bytes, ...]] = {
    "no blank line after DONE": (WORD, STOP, b"data: [DONE]"),
    "no blank line after the finish": (WORD, STOP.removesuffix(b"\n\n")),
    "one line end after the finish": (WORD, STOP.removesuffix(b"\n")),
    "no DONE": (WORD, STOP),
    "DONE twice": (WORD, STOP, DONE, DONE),
    "CRLF": tuple(part.replace(b"\n", b"\r\n") for part in (WORD, STOP, DONE)),
    "CRLF split between reads": (*(WORD + STOP).replace(b"\n", b"\r\n").splitlines(True), b"data: [DONE]\r\n\r", b"\n"),
}


@pytest.mark.parametrize("parts", ENDS.values(), ids=ENDS)
async def test_however_it_ends_the_last_event_is_delivered_and_one_done(
    upstream: ScriptedUpstream, parts: tuple[bytes, ...]
):
    upstream.script(Sent(parts))
    said = await call(upstream)
    assert (said.error, said.path) == (None, "a:success")
    assert said.body == WORD + STOP + DONE


async def test_comments_do_not_keep_a_silent_stream_alive(upstream: ScriptedUpstream):
    upstream.script(Sent((WORD,), then="ping"))
    said = await call(upstream, retry=replace(RETRY, stream_idle_timeout_s=0.3))
    assert said.error is not None
    assert (said.path, said.first.error_class) == ("a:error", "Timeout")


@pytest.mark.parametrize("parts", [(WORD, STOP), (WORD, STOP, DONE), (WORD, chunk({"content": "!"}, "stop"))])
async def test_a_finished_stream_whose_socket_stays_open_is_complete(
    upstream: ScriptedUpstream, parts: tuple[bytes, ...]
):
    upstream.script(Sent(parts, then="open"))
    watch = Stopwatch()
    said = await call(upstream)
    assert (said.error, said.path) == (None, "a:success")
    assert said.body == b"".join(parts).removesuffix(DONE) + DONE
    assert watch.elapsed_s < 5, "the limit of silence is 20 s"


async def test_usage_that_comes_after_the_finish_is_waited_for(upstream: ScriptedUpstream):
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    last = chunk(usage=usage).replace(b'[{"index": 0, "delta": {}, "finish_reason": null}]', b"[]")
    upstream.script(Sent((WORD, STOP, last), then="open"))
    said = await call(upstream, stream_options={"include_usage": True})
    assert said.body == WORD + STOP + last + DONE
    assert said.usage is not None
    assert (said.usage.input_tokens, said.usage.is_estimated) == (3, False)


@pytest.mark.parametrize("usage", [{}, {"total_tokens": 7}, None])
async def test_a_stream_that_does_not_tell_its_tokens_is_estimated_and_marked(upstream: ScriptedUpstream, usage: Any):
    upstream.script(Sent((WORD, chunk({}, "stop", usage=usage), DONE)))
    said = await call(upstream)
    assert said.usage is not None
    assert said.usage.is_estimated
    assert said.usage.input_tokens >= 10
    assert said.usage.output_tokens >= 1


async def test_a_stream_that_tells_them_in_foreign_words_is_read(upstream: ScriptedUpstream):
    upstream.script(Sent((WORD, chunk({}, "stop", usage={"input_tokens": 3, "output_tokens": 4}), DONE)))
    said = await call(upstream)
    assert said.usage is not None
    assert (said.usage.input_tokens, said.usage.output_tokens, said.usage.is_estimated) == (3, 4, False)


@pytest.mark.parametrize(
    "answer", [Whole(b"", status=204), Whole(b""), Sent(()), Whole({"choices": []}), Sent((DONE,)), Sent((STOP[:9],))]
)
async def test_nothing_where_a_stream_was_asked_for_goes_to_the_next_deployment(
    upstream: ScriptedUpstream, answer: Any
):
    upstream.script(answer)
    said = await call(upstream)
    assert (said.error, said.path, said.text) == (None, FAILED_OVER, ANSWER)


async def test_an_error_where_a_stream_was_asked_for_is_the_status_that_it_says(upstream: ScriptedUpstream):
    upstream.script(*[Whole({"error": {"code": 429, "message": "slow down"}})] * 2)
    said = await call(upstream)
    assert said.error is not None
    assert said.error.status == 429  # type: ignore[attr-defined]
    assert said.first.status_code == 429
