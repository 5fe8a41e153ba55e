"""Which origins may call from a browser."""

from gateway.doors.cors import EXPOSED, answer_headers, preflight_headers

MINE = "https://app.example.com"


def test_without_the_setting_there_are_no_headers():
    assert answer_headers((), MINE.encode()) == []
    assert preflight_headers([], b"x-mine") == []


def test_an_origin_of_the_setting_may_call_and_caches_know_that_it_matters():
    headers = dict(answer_headers((MINE,), MINE.encode()))
    assert headers[b"access-control-allow-origin"] == MINE.encode()
    assert headers[b"access-control-expose-headers"] == EXPOSED
    assert headers[b"vary"] == b"Origin"
    assert b"access-control-allow-credentials" not in headers


def test_another_origin_may_not():
    for other in (b"https://evil.example.com", b"null", b"https://app.example.com.evil.com", None):
        assert answer_headers((MINE,), other) == [(b"vary", b"Origin")]


def test_a_star_is_for_every_origin():
    assert dict(answer_headers(("*",), b"https://any.example.com"))[b"access-control-allow-origin"] == b"*"


def test_a_preflight_allows_what_was_asked_for_if_it_reads_like_headers():
    answered = answer_headers((MINE,), MINE.encode())
    asked = b"authorization,content-type,x-stainless-lang"
    assert dict(preflight_headers(answered, asked))[b"access-control-allow-headers"] == asked
    for odd in (b"", b"x y", b"a\r\nb: c", b"," * 5):
        assert b"x-api-key" in dict(preflight_headers(answered, odd))[b"access-control-allow-headers"]
    assert dict(preflight_headers(answered, b""))[b"access-control-max-age"] == b"600"
