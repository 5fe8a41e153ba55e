"""The gate for every dialect: each provider type through the same questions, answers, cuts and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.spec import RetryPolicy
from engine.upstreams import failures
from tests.dialects.asking import Got, ask
from tests.dialects.framed_dialects import Bedrock, Ollama
from tests.dialects.openai_dialect import Azure, Cohere, HuggingFace, Mistral, OpenAI
from tests.dialects.own_dialects import Anthropic, Gemini
from tests.dialects.playing import Raw, Refuses, Speaks
from tests.dialects.questions import PICTURE, RESULT_TURN, SCHEMA, TOOL
from tests.dialects.said import ARGUMENTS, Dialect, Said
from tests.fakes import ScriptedUpstream

DIRECT = ("openai", "groq", "openrouter", "together_ai", "fireworks_ai", "nebius", "hosted_vllm")
TRANSLATED: list[Dialect] = [Anthropic(), Azure(), Gemini(), Mistral(), Ollama(), Bedrock(), HuggingFace()]
DIALECTS: list[Dialect] = [*TRANSLATED, Cohere(), *(OpenAI(name) for name in DIRECT)]
NAMES_ERRORS = [dialect for dialect in DIALECTS if dialect.provider_type not in ("bedrock", "cohere")]
MAY_NOT_COUNT = [dialect for dialect in DIALECTS if dialect.provider_type not in ("gemini", "bedrock")]
# Texts that no caller may see: LiteLLM's, Python's, this machine's.
INTERNAL = ("litellm", "LiteLLM", "Traceback", "site-packages", ".py", "ssl", "http://", "https://", "Exception", '{"')
STATUSES = (400, 401, 402, 403, 404, 413, 429, 500, 502, 503, 529)


# LiteLLM makes a client per provider and event loop, which costs more than what it is asked here.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("conformance")]


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.provider_type)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    found: Dialect = request.param
    return found


def is_clean(message: str) -> bool:
    return bool(message) and not [word for word in INTERNAL if word in message]


async def failed(dialect: Dialect, server: ScriptedUpstream, policy: RetryPolicy | None = None, **body: Any) -> Any:
    """The error of a request that gives its caller nothing."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # every class is the point
        await ask(dialect, server, *([policy] if policy else []), **body)
    assert is_clean(failures.message_of(caught.value)), failures.message_of(caught.value)
    return caught.value


async def test_a_plain_answer_arrives_with_its_tokens(dialect: Dialect, server: ScriptedUpstream):
    server.script(Speaks(dialect))
    got = await ask(dialect, server)
    assert (got.text, got.finishes) == ("pong", ("stop",))
    assert got.usage is not None
    assert (got.usage.input_tokens, got.usage.output_tokens, got.usage.is_estimated) == (11, 5, False)


async def test_a_stream_arrives_with_its_tokens_and_one_end(dialect: Dialect, server: ScriptedUpstream):
    server.script(Speaks(dialect))
    got = await ask(dialect, server, stream=True)
    assert (got.text, got.finishes, got.is_done, got.error) == ("pong", ("stop",), True, None)
    assert got.usage is not None
    assert (got.usage.input_tokens, got.usage.output_tokens, got.usage.is_estimated) == (11, 5, False)


# Google and Amazon count every whole answer; LiteLLM takes one that is not counted for broken.
@pytest.mark.parametrize("dialect", MAY_NOT_COUNT, ids=lambda dialect: dialect.provider_type)
async def test_tokens_that_the_provider_did_not_count_are_marked(dialect: Dialect, server: ScriptedUpstream):
    server.script(Speaks(dialect, Said(is_counted=False)))
    got = await ask(dialect, server)
    assert got.text == "pong"
    assert_estimated(got)


async def test_tokens_of_a_stream_that_the_provider_did_not_count_are_marked(
    dialect: Dialect, server: ScriptedUpstream
):
    server.script(Speaks(dialect, Said(is_counted=False)))
    got = await ask(dialect, server, stream=True)
    assert (got.text, got.is_done) == ("pong", True)
    assert_estimated(got)


def assert_estimated(got: Got) -> None:
    assert got.usage is not None
    assert got.usage.is_estimated
    assert got.usage.input_tokens > 0
    assert got.usage.output_tokens > 0


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_tool_is_called(dialect: Dialect, server: ScriptedUpstream, stream: bool):
    server.script(Speaks(dialect, Said(tool="read_file")))
    got = await ask(dialect, server, stream=stream, tools=[TOOL])
    assert got.error is None
    assert (got.tool, json.loads(got.arguments), got.finishes) == ("read_file", ARGUMENTS, ("tool_calls",))
    assert "read_file" in dialect.asked(server.seen[0].body).tools


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_the_result_of_a_tool_reaches_the_model(dialect: Dialect, server: ScriptedUpstream, stream: bool):
    server.script(Speaks(dialect))
    got = await ask(dialect, server, stream=stream, tools=[TOOL], messages=RESULT_TURN)
    assert got.text == "pong"
    (result,) = dialect.asked(server.seen[0].body).results
    assert "forty-two" in result


async def test_a_schema_reaches_the_model(dialect: Dialect, server: ScriptedUpstream):
    server.script(Speaks(dialect, Said('{"word": "pong"}')))
    await ask(dialect, server, response_format=SCHEMA)
    assert dialect.asked(server.seen[0].body).has_schema


async def test_a_picture_reaches_the_model(dialect: Dialect, server: ScriptedUpstream):
    server.script(Speaks(dialect))
    await ask(dialect, server, messages=[{"role": "user", "content": PICTURE}])
    assert dialect.asked(server.seen[0].body).images == 1


@pytest.mark.parametrize("drops", [False, True], ids=["ended", "dropped"])
async def test_a_stream_cut_before_its_first_content_gives_the_caller_nothing(
    dialect: Dialect, server: ScriptedUpstream, drops: bool
):
    server.script(Speaks(dialect, cut=len(dialect.events(Said()).head), drops=drops))
    await failed(dialect, server, stream=True)


@pytest.mark.parametrize("drops", [False, True], ids=["ended", "dropped"])
@pytest.mark.parametrize("tool", ["", "read_file"], ids=["text", "tool"])
async def test_a_stream_cut_after_its_first_content_is_never_complete(
    dialect: Dialect, server: ScriptedUpstream, tool: str, drops: bool
):
    said = Said(tool=tool)
    before_the_end = len(dialect.events(said).head) + len(dialect.events(said).content)
    cut = before_the_end - (not tool or dialect.splits_tools)
    server.script(Speaks(dialect, said, cut=cut, drops=drops))
    got = await ask(dialect, server, stream=True, tools=[TOOL])
    assert (got.finishes, got.is_done) == ((), False)
    assert is_clean(got.message), got.message
    assert got.usage is not None
    assert got.usage.is_estimated


async def test_silence_after_the_first_content_is_an_error(dialect: Dialect, server: ScriptedUpstream):
    server.script(Speaks(dialect, stall=len(dialect.events(Said()).head) + 1))
    policy = RetryPolicy(timeout_s=15, stream_idle_timeout_s=0.3)
    got = await ask(dialect, server, policy, stream=True)
    assert (got.finishes, got.is_done) == ((), False)
    assert "went silent after 0.3 s" in got.message


async def test_silence_before_the_first_content_ends_with_the_wait_for_it(dialect: Dialect, server: ScriptedUpstream):
    server.script(Speaks(dialect, stall=len(dialect.events(Said()).head)))
    policy = RetryPolicy(timeout_s=15, first_token_timeout_s=0.5, stream_idle_timeout_s=15)
    error = await failed(dialect, server, policy, stream=True)
    assert "no first token after 0.5 s" in failures.message_of(error)


async def test_a_pause_longer_than_the_wait_for_the_first_token_breaks_nothing(
    dialect: Dialect, server: ScriptedUpstream
):
    server.script(Speaks(dialect, pause_s=1.2))
    policy = RetryPolicy(timeout_s=1, first_token_timeout_s=1, stream_idle_timeout_s=5)
    got = await ask(dialect, server, policy, stream=True)
    assert (got.text, got.finishes, got.is_done) == ("pong", ("stop",), True)


async def test_an_answer_that_takes_too_long_is_an_error(dialect: Dialect, server: ScriptedUpstream):
    server.script(Speaks(dialect, stall=0))
    error = await failed(dialect, server, RetryPolicy(timeout_s=0.3), stream=True)
    assert "after 0.3 s" in failures.message_of(error)


@pytest.mark.parametrize("place", ["first", "before content"])
async def test_an_error_before_the_first_content_gives_the_caller_nothing(
    dialect: Dialect, server: ScriptedUpstream, place: str
):
    server.script(Speaks(dialect, error=0 if place == "first" else len(dialect.events(Said()).head)))
    error = await failed(dialect, server, stream=True)
    assert "scripted trouble" in failures.message_of(error)


async def test_an_error_after_the_first_content_is_told(dialect: Dialect, server: ScriptedUpstream):
    server.script(Speaks(dialect, error=len(dialect.events(Said()).head) + 1))
    got = await ask(dialect, server, stream=True)
    assert (got.finishes, got.is_done) == ((), False)
    assert is_clean(got.message), got.message
    assert "scripted trouble" in got.message


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("status", STATUSES)
async def test_an_error_answer_keeps_its_status_and_its_sentence(
    dialect: Dialect, server: ScriptedUpstream, status: int, stream: bool
):
    server.script(Refuses(dialect, status, headers={"Retry-After": "7"}))
    error = await failed(dialect, server, stream=stream)
    assert failures.status_of(error) == status
    assert failures.message_of(error) == "scripted trouble"
    assert failures.retry_after_s(error) == 7
    assert server.count == 1


async def test_a_packed_error_answer_is_read_although_nobody_asked_for_it(dialect: Dialect, server: ScriptedUpstream):
    server.script(Refuses(dialect, 503, is_packed=True))
    assert failures.message_of(await failed(dialect, server)) == "scripted trouble"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"<html>no</html>"], ids=["nothing", "object", "list", "page"])
async def test_an_empty_answer_or_none_of_its_dialect_is_an_error(
    dialect: Dialect, server: ScriptedUpstream, body: bytes
):
    server.script(Raw("application/json", (body,) if body else ()))
    error = await failed(dialect, server)
    assert (failures.status_of(error) or 0) >= 500


# Amazon's and Cohere's bare messages are errors by their status alone; without it such an answer is one that can't be
# read.
@pytest.mark.parametrize("dialect", NAMES_ERRORS, ids=lambda dialect: dialect.provider_type)
async def test_an_error_that_comes_as_an_answer_is_the_error_that_it_says(dialect: Dialect, server: ScriptedUpstream):
    server.script(Refuses(dialect, 200))
    assert "scripted trouble" in failures.message_of(await failed(dialect, server))


async def test_a_connection_that_is_refused_is_told_without_addresses(dialect: Dialect, server: ScriptedUpstream):
    with ScriptedUpstream() as gone:
        pass
    error = await failed(dialect, gone)
    assert "Provider: connection failed" in failures.message_of(error)
    assert "127.0.0.1" not in failures.message_of(error)


async def test_an_end_without_a_closed_connection_is_complete(dialect: Dialect, server: ScriptedUpstream):
    server.script(Speaks(dialect, lingers=True))
    got = await ask(dialect, server, RetryPolicy(timeout_s=15, stream_idle_timeout_s=0.5), stream=True)
    assert (got.text, got.finishes, got.is_done, got.error) == ("pong", ("stop",), True, None)


@pytest.mark.parametrize("dialect", [Azure(), Mistral()], ids=lambda d: d.provider_type)
@pytest.mark.parametrize("ended", [(0,), (0, 1)], ids=["one", "both"])
async def test_two_answers_are_complete_when_both_are_finished(
    dialect: OpenAI, server: ScriptedUpstream, ended: tuple[int, ...]
):
    events = [dialect.chunk({"role": "assistant", "content": "a"}, index=i) for i in (0, 1)]
    events += [dialect.chunk({}, "stop", index=i) for i in ended]
    server.script(Raw(dialect.content_type, (*events, b"data: [DONE]\n\n")))
    got = await ask(dialect, server, stream=True, n=2)
    assert got.is_done is (len(ended) == 2)
    assert len(got.finishes) == len(ended)
