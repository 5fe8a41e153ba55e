import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.upstreams.sse import Events

EVENTS = [
    b'data: {"choices":[{"delta":{"content":"\xc3\xa9"}}]}',
    b": keep-alive",
    b"event: x\nid: 7\ndata: {}",
    b"data: [DONE]",
]
LINE_ENDS = [b"\n", b"\r\n", b"\r"]


def read_all(*pieces: bytes) -> list[bytes]:
    events = Events()
    found = [event for piece in pieces for event in events.feed(piece)]
    return found + events.end()


@given(
    st.lists(st.integers(0, 200), max_size=12),
    st.sampled_from(LINE_ENDS),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_however_a_stream_is_cut_into_reads_the_same_whole_events_come_out(
    cuts: list[int], end: bytes, blank_lines: int, ends_with_blank_line: bool, mark: bytes
):
    between = end * (1 + blank_lines)
    stream = mark + between.join(event.replace(b"\n", end) for event in EVENTS)
    stream += between if ends_with_blank_line else b""
    edges = sorted({0, *(cut for cut in cuts if cut < len(stream)), len(stream)})
    assert read_all(*(stream[a:b] for a, b in pairwise(edges))) == EVENTS


def test_half_an_event_at_the_end_is_dropped():
    for half in (b"da", b'data: {"choices":[{"delta"', b"data: [DO", b"data: 2", b": ping"):
        assert read_all(b"data: 1\n\n" + half[:3], half[3:]) == [b"data: 1"]


def test_the_last_event_counts_without_a_blank_line_if_it_is_whole():
    assert read_all(b'data: 1\n\ndata: {"a": 1}') == [b"data: 1", b'data: {"a": 1}']
    assert read_all(b"data: [DONE]\r") == [b"data: [DONE]"]


def test_a_line_end_of_two_bytes_that_comes_in_two_reads_is_one():
    assert read_all(b"data: 1\r", b"\n\r", b"\ndata: 2\r\n\r", b"\n") == [b"data: 1", b"data: 2"]


def test_a_large_event_in_small_reads_costs_no_more_than_its_size():
    began = time.process_time()
    assert len(read_all(b'data: {"image": "', *[b"x" * 1024] * 12_000, b'"}\n', b"\n")[0]) > 12_000_000
    assert time.process_time() - began < 5  # 0.1 s; where each read joins and searches all before it, two minutes
