"""Keys and ids of a request."""

import pytest

from gateway.doors.incoming import Incoming, incoming
from gateway.doors.paths import Asks, Way


def came(**headers: str) -> Incoming:
    rows = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return incoming(Way(Asks.ANSWER), "/v1/chat/completions", rows)


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, ""),
        ({"authorization": "Bearer one"}, "one"),
        ({"authorization": "bearer  one "}, "one"),
        ({"x_api_key": "two"}, "two"),
        ({"api_key": "three"}, "three"),
        ({"api_key": "three", "x_api_key": "two"}, "two"),
        ({"api_key": "three", "x_api_key": "two", "authorization": "Bearer one"}, "one"),
        ({"authorization": "Basic b25l", "x_api_key": "two"}, "two"),
        ({"authorization": "Bearer ", "api_key": "three"}, "three"),
        ({"authorization": "Basic b25l"}, ""),
    ],
)
def test_the_first_header_with_a_key_counts(headers: dict[str, str], key: str):
    assert came(**headers).key == key


@pytest.mark.parametrize("name", ["x_request_id", "x_client_request_id"])
def test_a_sane_id_of_the_client_is_kept(name: str):
    assert came(**{name: "job-7:a.B_1"}).request_id == "job-7:a.B_1"


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, "a\r\nset-cookie: b", "café", "<script>"])
def test_any_other_id_is_ours(given: str):
    request = came(x_request_id=given)
    assert request.request_id == request.call_id
    assert len(request.call_id) >= 16


def test_anthropics_clients_are_told_by_their_header_or_path():
    way = Way(Asks.ANSWER)
    assert incoming(way, "/v1/models", [(b"anthropic-version", b"2023-06-01")]).is_anthropic
    assert incoming(way, "/v1/messages", []).is_anthropic
    assert not incoming(way, "/v1/models", []).is_anthropic
