"""Tokens: what is read out of `usage` objects, and what is estimated where there is none."""

import pytest
from pydantic_core import to_json

from engine.upstreams.call import Usage
from engine.upstreams.estimates import TOKENS_PER_ATTACHMENT, ForwardedEvents, input_tokens
from tests.engine.scripted import deployment

COUNTED = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 30}}, (30, 0, 0)),
        ({"prompt_tokens_details": {"cached_tokens": 30, "cache_creation_tokens": 20}}, (30, 20, 0)),
        ({"cache_read_input_tokens": 30, "cache_creation_input_tokens": 20}, (30, 20, 0)),
        ({"prompt_cache_hit_tokens": 30}, (30, 0, 0)),
        ({"completion_tokens_details": {"reasoning_tokens": 40}}, (0, 0, 40)),
    ],
)
def test_cached_and_reasoning_tokens_are_read_under_everybodys_names(details, expected):
    usage = Usage.of({**COUNTED, **details})
    assert usage is not None
    assert (usage.cached_tokens, usage.cache_write_tokens, usage.reasoning_tokens) == expected
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (100, 50, 150)


@pytest.mark.parametrize("nonsense", [-1, 2**40, "7", None, 1.5, True, {}, []])
def test_details_that_make_no_sense_are_none(nonsense):
    details = {"prompt_tokens_details": {"cached_tokens": nonsense}, "cache_creation_input_tokens": nonsense}
    assert Usage.of({**COUNTED, **details, "completion_tokens_details": nonsense}) == Usage(100, 50, 150)


def test_parts_are_never_more_than_the_whole():
    details = {"cached_tokens": 90, "cache_creation_tokens": 90}
    usage = Usage.of(
        {**COUNTED, "prompt_tokens_details": details, "completion_tokens_details": {"reasoning_tokens": 51}}
    )
    assert usage == Usage(100, 50, 150, cached_tokens=90, cache_write_tokens=10, reasoning_tokens=50)


def test_thought_that_was_counted_beside_the_answer_is_output_too():
    usage = Usage.of({**COUNTED, "total_tokens": 190, "completion_tokens_details": {"reasoning_tokens": 40}})
    assert usage == Usage(100, 90, 190, reasoning_tokens=40)


def test_cached_tokens_have_their_own_price_or_that_of_other_input():
    spec = deployment("a", input_cost_per_token_usd=1.0, output_cost_per_token_usd=10.0)
    special = deployment(
        "a",
        input_cost_per_token_usd=1.0,
        output_cost_per_token_usd=10.0,
        cached_input_cost_per_token_usd=0.0,
        cache_write_cost_per_token_usd=2.0,
    )
    usage = Usage(100, 1, 101, cached_tokens=50, cache_write_tokens=20)
    assert (usage.cost_usd(spec), usage.cost_usd(special)) == (110, 30 + 0 + 40 + 10)
    assert usage.cost_usd(deployment("a")) is None


def event(delta: dict[str, object], end: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": end}
    return b"data: " + to_json({"id": "chatcmpl-1", "model": "gpt-4o", "choices": [choice]}) + b"\n\n"


ROLE, END, DONE = event({"role": "assistant", "content": "", "refusal": None}), event({}, "stop"), b"data: [DONE]\n\n"


def passed(*pieces: bytes) -> int:
    counted = ForwardedEvents()
    for piece in pieces:
        counted.add(piece)
    usage = counted.usage({})
    assert usage.is_estimated
    return usage.output_tokens


def test_a_stream_of_a_token_an_event_has_as_many():
    words = [event({"content": f" w{n}"}) for n in range(40)]
    assert passed(ROLE, *words, END, DONE) == pytest.approx(40, abs=2)
    assert passed(ROLE, *words) == 40
    assert passed(ROLE + b"".join(words) + END + DONE) == pytest.approx(40, abs=4)


def test_a_stream_of_long_pieces_has_a_token_per_four_characters():
    pieces = [event({"content": "x" * size}) for size in (400, 40, 800, 400, 1200)]
    assert passed(*pieces, END, DONE) == pytest.approx(2840 / 4, rel=0.02)


def test_comments_that_keep_a_stream_alive_are_not_paid_for():
    words = [event({"content": f" w{n}"}) for n in range(40)]
    ping = b": OPENROUTER PROCESSING\n\n"
    assert passed(ROLE, *words, *[ping] * 200, END, DONE) == passed(ROLE, *words, END, DONE)
    assert passed(ROLE, *(ping + word for word in words), END, DONE) == passed(ROLE, *words, END, DONE)


def test_the_arguments_of_a_tool_count_and_their_envelope_does_not():
    pieces = [event({"tool_calls": [{"index": 0, "function": {"arguments": "abcd"}}]}) for _ in range(30)]
    assert passed(ROLE, *pieces, END, DONE) == pytest.approx(30, abs=3)


def test_a_stream_of_nothing_or_of_anything_else_is_not_an_error():
    assert passed() == passed(ROLE) == passed(DONE) == 0
    assert passed(b"data: {broken\n\n", b"data: [1]\n\n", b": alive\n\n") < 5


def test_what_was_asked_is_estimated_by_its_text_and_pictures_are_all_alike():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    text = {"role": "user", "content": [{"type": "text", "text": "x" * 400}, picture]}
    assert input_tokens({"messages": [text]}) == 100 + 4 + TOKENS_PER_ATTACHMENT
    assert input_tokens({"messages": [{"role": "user", "content": "x" * 400}, {"role": "assistant"}]}) == 108
    assert input_tokens({"messages": [], "tools": [{"type": "function"}]}) == 6
    assert input_tokens({}) == 0
