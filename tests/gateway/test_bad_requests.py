"""Bad input gets a clear error in OpenAI's shape, and never a 500."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from gateway import openai
from gateway.openai import ApiError
from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY

HI = [{"role": "user", "content": "hi"}]
CHAT, EMBED = "/v1/chat/completions", "/v1/embeddings"
NO_MODEL = {"model": "no-such-group", "messages": HI}


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "g", "messages": HI, **fields}


BAD: list[tuple[str, str, str, bytes | dict[str, Any], int, str | None]] = [
    ("unknown model", "POST", CHAT, NO_MODEL, 404, "model"),
    ("empty body", "POST", CHAT, b"", 400, None),
    ("invalid JSON", "POST", CHAT, b'{"model": "g", ', 400, None),
    ("not UTF-8", "POST", CHAT, b'{"model": "\xff\xfe"}', 400, None),
    ("a list", "POST", CHAT, b"[]", 400, None),
    ("a number", "POST", CHAT, b"7", 400, None),
    ("null", "POST", CHAT, b"null", 400, None),
    ("NaN", "POST", CHAT, b'{"model": "g", "messages": [{"role": "user"}], "temperature": NaN}', 400, None),
    ("infinite", "POST", CHAT, b'{"model":"g","messages":[{"role":"u"}],"temperature":1e999}', 400, "temperature"),
    ("deep nesting", "POST", CHAT, b'{"model":' + b"[" * 5000 + b"]" * 5000 + b"}", 400, None),
    ("lone surrogate", "POST", CHAT, b'{"model": "\\ud800", "messages": [{"role": "user"}]}', 400, None),
    ("no model", "POST", CHAT, {"messages": HI}, 400, "model"),
    ("model is null", "POST", CHAT, chat(model=None), 400, "model"),
    ("model is a number", "POST", CHAT, chat(model=7), 400, "model"),
    ("model is empty", "POST", CHAT, chat(model=""), 400, "model"),
    ("a 1 MB model name", "POST", CHAT, chat(model="x" * 1_000_000), 400, "model"),
    ("a name with a NUL", "POST", CHAT, chat(model="g\x00"), 404, "model"),
    ("no messages", "POST", CHAT, {"model": "g"}, 400, "messages"),
    ("messages is empty", "POST", CHAT, chat(messages=[]), 400, "messages"),
    ("messages is a text", "POST", CHAT, chat(messages="hi"), 400, "messages"),
    ("messages of texts", "POST", CHAT, chat(messages=["hi"]), 400, "messages"),
    ("a message without a role", "POST", CHAT, chat(messages=[{"content": "hi"}]), 400, "messages"),
    ("a role that is a number", "POST", CHAT, chat(messages=[{"role": 1, "content": "hi"}]), 400, "messages"),
    ("stream is a text", "POST", CHAT, chat(stream="yes"), 400, "stream"),
    ("stream_options is a list", "POST", CHAT, chat(stream_options=[]), 400, "stream_options"),
    ("tools is an object", "POST", CHAT, chat(tools={}), 400, "tools"),
    ("temperature is a text", "POST", CHAT, chat(temperature="hot"), 400, "temperature"),
    ("temperature is huge", "POST", CHAT, chat(temperature=1e300), 400, "temperature"),
    ("max_tokens is negative", "POST", CHAT, chat(max_tokens=-1), 400, "max_tokens"),
    ("max_tokens is zero", "POST", CHAT, chat(max_tokens=0), 400, "max_tokens"),
    ("max_tokens is 100.0", "POST", CHAT, chat(max_tokens=100.0), 400, "max_tokens"),
    ("max_tokens is a text", "POST", CHAT, chat(max_completion_tokens="5"), 400, "max_completion_tokens"),
    ("max_tokens is a hugely negative number", "POST", CHAT, chat(max_tokens=-(10**4000)), 400, "max_tokens"),
    ("max_tokens is true", "POST", CHAT, chat(max_tokens=True), 400, "max_tokens"),
    ("max_tokens is a huge number", "POST", CHAT, chat(max_tokens=10**40), 400, "max_tokens"),
    ("n is zero", "POST", CHAT, chat(n=0), 400, "n"),
    ("no input", "POST", EMBED, {"model": "g"}, 400, "input"),
    ("input is empty", "POST", EMBED, {"model": "g", "input": ""}, 400, "input"),
    ("input is an object", "POST", EMBED, {"model": "g", "input": {}}, 400, "input"),
    ("dimensions is a text", "POST", EMBED, {"model": "g", "input": "x", "dimensions": "many"}, 400, "dimensions"),
    ("GET a POST route", "GET", CHAT, b"", 405, None),
    ("POST a GET route", "POST", "/v1/models", b"{}", 405, None),
    ("too large", "POST", CHAT, b'{"model": "' + b"x" * (33 * 1024 * 1024) + b'"}', 413, None),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "param"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_input_gets_a_clear_error(
    stage: Stage, method: str, path: str, body: bytes | dict[str, Any], status: int, param: str | None
):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {MASTER_KEY}", "Content-Type": "application/json"}
    answer = httpx.request(method, stage.console.url + path, content=raw, headers=headers, timeout=30)
    error = answer.json()["error"]
    assert answer.status_code == status, error
    assert error["param"] == param
    assert 10 < len(error["message"]) < 400
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        (
            {"max_tokens": -1},
            "integer_below_min_value",
            "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got -1 instead.",
        ),
        (
            {"n": 0},
            "integer_below_min_value",
            "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead.",
        ),
        (
            {"max_tokens": 100.0},
            "invalid_type",
            "Invalid type for 'max_tokens': expected an integer, but got a decimal number instead.",
        ),
    ],
)
def test_a_wrong_count_is_refused_as_openai_refuses_it(fields: dict[str, Any], code: str, message: str):
    with pytest.raises(ApiError) as refused:
        openai.check(chat(**fields), "chat/completions")
    assert refused.value.status == 400
    (name,) = fields
    assert refused.value.fields == {"message": message, "type": "invalid_request_error", "param": name, "code": code}


@pytest.mark.parametrize("fields", [{"max_tokens": None}, {"max_completion_tokens": 1, "n": None}, {"n": 2}, {}])
def test_a_count_that_is_fine_or_null_is_taken(fields: dict[str, Any]):
    openai.check(chat(**fields), "chat/completions")


WRONG_KEYS = ["", "Bearer", "Bearer sk-rc-wrong", "Basic YTpi", f"Bearer {MASTER_KEY}x", "Bearer ünï"]


@pytest.mark.parametrize("path", [CHAT, EMBED, "/v1/models"])
@pytest.mark.parametrize("header", WRONG_KEYS)
def test_a_wrong_key_is_401_and_says_what_to_send(stage: Stage, path: str, header: str):
    method = "GET" if path == "/v1/models" else "POST"
    headers = {"Authorization": header.encode()} if header else {}
    answer = httpx.request(method, stage.console.url + path, json=chat(), headers=headers, timeout=30)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert answer.headers["www-authenticate"] == "Bearer"
