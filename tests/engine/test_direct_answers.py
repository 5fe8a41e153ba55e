"""What a direct upstream answers in whole, over a real socket: what its caller gets, and what the ledger says."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine import limits
from engine.upstreams.call import Usage
from tests.engine.direct_calls import Whole, call, upstream_of_a_test
from tests.fakes import ANSWER, ScriptedUpstream

FAILED_OVER = "a:error>b:success"
HELLO = {"index": 0, "message": {"role": "assistant", "content": "hello you"}, "finish_reason": "stop"}
GONE = {"code": 502, "message": "provider gone"}


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with upstream_of_a_test() as server:
        yield server


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_adopted", limits.Limits(answer_mb=4))


def text_of(body: bytes) -> str:
    return str(json.loads(body)["choices"][0]["message"]["content"])


BAD: dict[str, Whole] = {
    "no choices": Whole({"choices": []}),
    "204": Whole(b"", status=204),
    "nothing": Whole(b""),
    "white space": Whole(b"  \n"),
    "no message": Whole({"choices": [{"index": 0, "finish_reason": "stop"}]}),
    "no JSON": Whole(b"<html>"),
    "half of it": Whole(b'{"choices": [{"message": {"content": "hel'),
    "an error in a choice": Whole({"choices": [{**HELLO, "error": GONE}]}),
    "an error beside them": Whole({"choices": [HELLO], "error": GONE}),
    "a finish_reason of error": Whole({"choices": [{**HELLO, "finish_reason": "error"}]}),
    "an error alone": Whole({"error": GONE}),
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
async def test_what_is_no_answer_goes_to_the_next_deployment(upstream: ScriptedUpstream, answer: Whole):
    upstream.script(answer)
    said = await call(upstream, is_stream=False)
    assert (said.error, said.path, text_of(said.body)) == (None, FAILED_OVER, ANSWER)
    assert said.first.error_message


async def test_an_error_in_a_200_is_the_status_that_it_says(upstream: ScriptedUpstream):
    upstream.script(*[Whole({"error": {"code": 429, "message": "slow down"}})] * 2)
    said = await call(upstream, is_stream=False)
    assert said.error is not None
    assert said.error.status == 429  # type: ignore[attr-defined]
    assert (said.first.status_code, said.first.error_message) == (429, "slow down")


async def test_a_byte_order_mark_is_taken_off(upstream: ScriptedUpstream):
    upstream.script(Whole(b"\xef\xbb\xbf" + json.dumps({"choices": [HELLO]}).encode()))
    said = await call(upstream, is_stream=False)
    assert (said.path, text_of(said.body)) == ("a:success", "hello you")


ESTIMATE = Usage(14, 3, 17, is_estimated=True)


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4}, Usage(3, 4, 7)),
        ({"input_tokens": 3, "output_tokens": 4}, Usage(3, 4, 7)),
        ({}, ESTIMATE),
        ({"total_tokens": 7}, ESTIMATE),
        (None, ESTIMATE),
    ],
)
async def test_usage_is_read_in_any_words_or_else_estimated_and_marked(
    upstream: ScriptedUpstream, usage: Any, read: Usage
):
    upstream.script(Whole({"choices": [HELLO], "usage": usage}))
    assert (await call(upstream, is_stream=False)).usage == read


async def test_embeddings_without_usage_are_estimated(upstream: ScriptedUpstream):
    upstream.script(Whole({"data": [{"index": 0, "embedding": [0.1]}]}))
    said = await call(upstream, is_stream=False, endpoint="embeddings", input=["x" * 40, "y" * 8])
    assert said.usage == Usage(12, 0, 12, is_estimated=True)


async def test_embeddings_of_nothing_go_to_the_next_deployment(upstream: ScriptedUpstream):
    upstream.script(Whole({"data": []}))
    said = await call(upstream, is_stream=False, endpoint="embeddings", input="hi")
    assert said.path == FAILED_OVER


def bomb(size: int) -> bytes:
    """Gzip of so many spaces."""
    packer, part = zlib.compressobj(1, wbits=31), b" " * 1024**2
    return b"".join(packer.compress(part) for _ in range(size // len(part))) + packer.flush()


@pytest.mark.usefixtures("small_limit")
async def test_a_body_that_unpacks_to_629_mb_costs_no_more_than_the_limit(upstream: ScriptedUpstream):
    packed = bomb(629 * 1024**2)
    upstream.script(Whole(packed, headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        said = await call(upstream, is_stream=False)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (said.path, text_of(said.body)) == (FAILED_OVER, ANSWER)
    assert "4 MB (setting MAX_ANSWER_MB)" in (said.first.error_message or "")
    assert most < len(packed) + 3 * 4 * 1024**2


@pytest.mark.usefixtures("small_limit")
async def test_a_body_just_below_the_limit_is_passed_on(upstream: ScriptedUpstream):
    long = {**HELLO, "message": {"content": "x" * (4 * 1024**2 - 200)}}
    upstream.script(
        Whole(gzip.compress(json.dumps({"choices": [long]}).encode()), headers={"Content-Encoding": "gzip"})
    )
    said = await call(upstream, is_stream=False)
    assert (said.path, len(text_of(said.body))) == ("a:success", 4 * 1024**2 - 200)


async def test_an_error_body_that_is_a_bomb_is_read_only_in_part(upstream: ScriptedUpstream):
    packed = bomb(629 * 1024**2)
    upstream.script(Whole(packed, status=503, headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        said = await call(upstream, is_stream=False)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (said.path, said.first.status_code) == (FAILED_OVER, 503)
    assert most < len(packed) + 4 * 1024**2
