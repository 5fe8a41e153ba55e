from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.upstreams.call import Usage
from engine.upstreams.sse import Events, read_event

STREAM = b'data: {"choices":[{"delta":{"content":"\xc3\xa9"}}]}\n\n: keep-alive\n\ndata: [DONE]\n\n'


class Pieces:
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def readany(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


async def read_all(*pieces: bytes) -> list[bytes]:
    events, found = Events(Pieces(list(pieces))), []
    while chunk := await events.next():
        found.append(chunk)
    return found


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
async def test_however_a_stream_is_cut_only_whole_events_come_out(cuts: list[int]):
    edges = sorted({0, *cuts, len(STREAM)})
    found = await read_all(*(STREAM[a:b] for a, b in pairwise(edges)))
    assert b"".join(found) == STREAM
    assert all(chunk.endswith(b"\n\n") for chunk in found)


async def test_half_an_event_at_the_end_is_dropped():
    assert await read_all(b"data: 1\n\nda", b"ta: 2") == [b"data: 1\n\n"]


async def test_carriage_returns_are_line_ends_too():
    assert await read_all(b"data: 1\r\n\r\n") == [b"data: 1\n\n"]


def test_text_that_looks_like_an_error_or_an_end_is_only_text():
    chunk = (
        rb'data: {"choices":[{"delta":{"content":"\"error\": {\"x\":1} data: [DONE] \"finish_reason\": \"stop\""}}]}'
    )
    event = read_event(chunk + b"\n\n")
    assert (event.error, event.usage, event.is_finish, event.is_done) == (None, None, False, False)


def test_usage_finish_and_end_are_seen():
    usage = b'"usage":{"prompt_tokens":3,"completion_tokens":4}'
    event = read_event(b'data: {"choices":[{"finish_reason":"stop"}],' + usage + b"}\n\ndata: [DONE]\n\n")
    assert (event.usage, event.is_finish, event.is_done) == (Usage(3, 4, 7), True, True)


def test_an_error_event_is_seen():
    assert read_event(b'data: {"error": {"message": "overloaded"}}\n\n').error == {"message": "overloaded"}


def test_a_count_of_tokens_that_makes_no_sense_is_none():
    for count in (-1, 2**31, "7", None):
        assert Usage.of({"prompt_tokens": count, "completion_tokens": 1}) is None
