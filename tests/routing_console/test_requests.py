"""What requests to pages and REST may be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from routing_console.guard.request_limits import STRANGERS_BYTES, WithinLimits

KNOWN = [(b"authorization", b"Bearer sk")]


class Application:
    """Reads the whole body and answers 200, as Django does before anything else."""

    def __init__(self) -> None:
        self.body, self.query = b"", b""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.query = scope["query_string"]
        while True:
            event = await receive()
            self.body += event.get("body", b"")
            if not event.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def ask(
    *pieces: bytes, path: str = "/groups", query: bytes = b"", headers: Any = KNOWN
) -> tuple[int, bytes, Any]:
    """The status and body of the answer, and the application."""
    events = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    events.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        return events.pop(0)

    async def send(event: Any) -> None:
        sent.append(event)

    scope = {"type": "http", "path": path, "query_string": query, "headers": list(headers)}
    application = Application()
    await WithinLimits(application)(scope, receive, send)
    return sent[0]["status"], sent[1]["body"], application


async def test_what_is_small_passes():
    status, _, application = await ask(b"a", b"b")
    assert (status, application.body) == (200, b"ab")


async def test_a_body_larger_than_the_limit_is_not_read_to_its_end(settings):
    settings.MAX_REQUEST_MB = 1
    status, said, _ = await ask(*[b" " * 600_000] * 4, path="/v1/routing_group")
    assert (status, "MAX_REQUEST_MB" in json.loads(said)["detail"]) == (413, True)


@pytest.mark.parametrize(("headers", "status"), [([], 413), (KNOWN, 200), ([(b"cookie", b"sessionid=1")], 200)])
async def test_without_key_or_session_there_is_room_for_a_sign_in_and_no_more(headers, status: int):
    assert (await ask(b" " * (STRANGERS_BYTES + 1), headers=headers))[0] == status


async def test_a_null_character_is_left_out_of_a_search_and_told_to_programs():
    status, _, application = await ask(query=b"q=a%00b&page=1")
    assert (status, application.query) == (200, b"q=ab&page=1")
    status, said, _ = await ask(path="/api/v1/llm/models", query=b"q=%00")
    assert (status, "null character" in json.loads(said)["detail"]) == (400, True)
    assert (await ask(path="/v1/routing_group/a\0b"))[0] == 404
