"""Bodies as clients pack them: unpacked, limited by what they unpack to, refused in OpenAI's shape."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections.abc import Callable

import httpx
import pytest

from gateway import bodies
from gateway.openai import ApiError
from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BODY = json.dumps({"text": "x" * 5000}).encode()
PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "x-gzip": gzip.compress, "zstd": zstd.compress}


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
async def test_a_body_that_is_not_packed_is_left_alone(encoding: str):
    assert await bodies.unpacked(BODY, encoding, 1) is BODY


@pytest.mark.parametrize("encoding", PACKERS)
async def test_a_packed_body_is_unpacked_all_its_members_too(encoding: str):
    pack = PACKERS[encoding]
    assert await bodies.unpacked(pack(BODY), encoding.upper(), 1) == BODY
    assert await bodies.unpacked(pack(BODY) + pack(BODY), encoding, 1) == BODY * 2
    assert await bodies.unpacked(b"", encoding, 1) == b""


@pytest.mark.parametrize("encoding", PACKERS)
async def test_what_it_unpacks_to_is_limited(encoding: str):
    megabyte = 1024**2
    assert len(await bodies.unpacked(PACKERS[encoding](b" " * megabyte), encoding, 1)) == megabyte
    for packed in (PACKERS[encoding](b" " * (megabyte + 1)), PACKERS[encoding](b" " * megabyte) * 50):
        with pytest.raises(ApiError) as refused:
            await bodies.unpacked(packed, encoding, 1)
        assert refused.value.status == 413


@pytest.mark.parametrize("encoding", PACKERS)
async def test_a_body_that_is_not_what_it_says_is_refused(encoding: str):
    for packed in (b"{}", PACKERS[encoding](BODY)[:-5], PACKERS[encoding](BODY) + b"rest"):
        with pytest.raises(ApiError) as refused:
            await bodies.unpacked(packed, encoding, 1)
        assert refused.value.status == 400


@pytest.mark.parametrize("encoding", PACKERS)
async def test_a_body_of_countless_empty_members_is_refused_before_they_are_read(encoding: str):
    with pytest.raises(ApiError) as refused:
        await bodies.unpacked(PACKERS[encoding](b"") * 100_000, encoding, 1)
    assert refused.value.status == 400


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "compress", "x" * 5000])
async def test_any_other_packing_is_415_and_says_what_is_possible(encoding: str):
    with pytest.raises(ApiError) as refused:
        await bodies.unpacked(zlib.compress(BODY), encoding, 1)
    assert (refused.value.status, refused.value.code) == (415, "unsupported_content_encoding")
    assert (b"accept-encoding", b"gzip, zstd") in refused.value.headers
    assert len(refused.value.fields["message"] or "") < 200


def post(stage: Stage, content: bytes, encoding: str, key: str = MASTER_KEY) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}", "Content-Encoding": encoding, "Content-Type": "application/json"}
    return httpx.post(f"{stage.console.url}/v1/chat/completions", content=content, headers=headers, timeout=30)


def test_a_packed_request_is_answered(stage: Stage, make_group: Callable[..., str]):
    asked = json.dumps({"model": make_group(), "messages": [{"role": "user", "content": "hi"}]}).encode()
    for encoding in ("gzip", "zstd"):
        answer = post(stage, PACKERS[encoding](asked), encoding)
        assert answer.status_code == 200, answer.text
        assert answer.json()["choices"]


def test_a_bomb_and_an_unknown_packing_are_refused_in_openais_shape(stage: Stage):
    for content, encoding, status in ((gzip.compress(b" " * 33 * 1024**2), "gzip", 413), (b"{}", "br", 415)):
        answer = post(stage, content, encoding)
        assert answer.status_code == status
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        assert answer.json()["error"]["type"] == "invalid_request_error"
    assert post(stage, b"{}", "br", "sk-rc-wrong").status_code == 401


def test_a_byte_order_mark_is_taken_off(stage: Stage, make_group: Callable[..., str]):
    asked = json.dumps({"model": make_group(), "messages": [{"role": "user", "content": "hi"}]}).encode()
    assert post(stage, b"\xef\xbb\xbf" + asked, "identity").status_code == 200
