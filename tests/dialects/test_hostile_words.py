"""An upstream's text may neither break its reader nor keep it busy."""

from __future__ import annotations

import pytest

from engine.dialects.errors import read_error
from engine.dialects.reading import parsed
from engine.dialects.words import words_of
from engine.upstreams.dropped import LONGEST, MOST, dropped_params
from engine.upstreams.through_litellm import supported


@pytest.mark.parametrize("text", ["Invalid template: {{}}", "no {{'a': 1}} here", "{[1]: 2}", "{{1}: [2]}"])
def test_braces_that_are_no_object_stay_words(text):
    assert words_of(text)


def test_addresses_in_a_row_are_read_in_time_that_grows_with_their_length():
    assert len(words_of("http://" * 5_000)) > 0


def test_a_manual_of_a_library_is_still_left_out():
    assert "litellm" not in words_of("Wrong. See https://docs.litellm.ai/docs/errors for more")


@pytest.mark.parametrize("value", ["1 Jan 99999999999999999999 00:00:00 GMT", "1 Jan 2024 00:00:00 +99999999999999"])
def test_a_wait_that_is_no_moment_is_none(value):
    reading = read_error(429, {"retry-after": value}, b'{"error": {"message": "slow down"}}')
    assert (reading.status, reading.retry_after_s) == (429, None)


def test_half_a_character_is_replaced_where_we_read_it():
    assert parsed(b'{"text": "hi \\ud83d"}') == {"text": "hi ?"}


def test_dropped_parameters_fit_into_a_header():
    body = {"a\nb\x00é": 1, "x" * 1_000_000: 1, **{f"p{n}": 1 for n in range(100)}}
    names = dropped_params(body, frozenset(), supported("anthropic", "claude"))
    assert len(names) == MOST
    assert names[:2] == ("a?b??", "x" * LONGEST)
    assert all(name.isascii() and name.isprintable() for name in names)
