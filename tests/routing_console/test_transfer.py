"""How pages and files reach a browser."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from routing_console.transfer.compression import Compression
from routing_console.transfer.file_addresses import content_hash, is_hashed

GZIP = {"Accept-Encoding": "br, gzip"}
SHEET = "css/console.css"
FOR_GOOD = "max-age=315360000, public, immutable"


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else bytes(response.content)


def file(path: str, **headers: str) -> Any:
    return Client().get(path, headers=headers)


def test_a_file_has_an_address_of_its_content_which_a_browser_keeps_for_good() -> None:
    answer = file(f"/{settings.STATIC_URL.lstrip('/')}{SHEET}")
    assert (answer.status_code, answer["Cache-Control"]) == (200, FOR_GOOD)
    assert body(answer) == (settings.BASE_DIR / "static" / SHEET).read_bytes()


@pytest.mark.parametrize("before", ["/static/", "/static/0123456789ab/"])
def test_a_file_of_another_version_is_answered_with_ours_which_no_browser_keeps(before: str) -> None:
    answer = file(f"{before}{SHEET}")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-cache")
    assert body(answer) == (settings.BASE_DIR / "static" / SHEET).read_bytes()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["css/none.css", "../manage.py", "0123456789ab/css/console.css"])
def test_what_is_no_file_is_not_found(path: str) -> None:
    assert file(f"/static/0123456789ab/{path}").status_code == 404


def test_the_address_changes_with_every_change_of_a_file(tmp_path: Path) -> None:
    hashes = set()
    for name, text in [("a.css", "one"), ("a.css", "two"), ("b.css", "one"), ("deep/c.css", "one")]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        hashes.add(content_hash(tmp_path))
        assert content_hash(tmp_path) in hashes
    assert len(hashes) == 4
    assert all(is_hashed("", f"/static/{one}/a.css") for one in hashes)
    assert not is_hashed("", "/static/css/a.css")


def test_files_are_compressed_for_who_accepts_it() -> None:
    plain = (settings.BASE_DIR / "static" / SHEET).read_bytes()
    answer = file(f"/static/{SHEET}", **GZIP)
    sent = body(answer)
    assert (answer["Content-Encoding"], answer["Vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(sent) == plain
    assert len(sent) < len(plain) / 3


def test_who_has_the_file_already_gets_no_body() -> None:
    address = f"/static/{SHEET}"
    answer = file(address, **GZIP, **{"If-None-Match": file(address)["ETag"]})
    assert (answer.status_code, body(answer)) == (304, b"")


def test_a_part_of_a_file_is_sent_as_it_is() -> None:
    answer = file(f"/static/{SHEET}", **GZIP, Range="bytes=0-9")
    assert (answer.status_code, len(body(answer))) == (206, 10)
    assert "Content-Encoding" not in answer


def test_fonts_are_compressed_already() -> None:
    (font, *_) = (settings.BASE_DIR / "static").rglob("*.woff2")
    answer = file(f"/static/{font.relative_to(settings.BASE_DIR / 'static').as_posix()}", **GZIP)
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer


def compressed(response: Any, method: str = "GET") -> Any:
    asked = RequestFactory().generic(method, "/", headers=GZIP)
    return Compression(lambda _: response)(asked)


def test_pages_are_compressed_to_lengths_that_vary_by_chance() -> None:
    page = "<p>Routing</p>" * 500
    answers = [compressed(HttpResponse(page)) for _ in range(20)]
    assert {gzip.decompress(one.content).decode() for one in answers} == {page}
    assert len({len(one.content) for one in answers}) > 1


def test_a_long_answer_is_compressed_as_it_is_written() -> None:
    lines = (b'{"n": %d}\n' % number for number in range(10_000))
    answer = compressed(StreamingHttpResponse(lines, content_type="application/x-ndjson"))
    assert gzip.decompress(body(answer)).count(b"\n") == 10_000


@pytest.mark.parametrize("kind", ["image/png", "font/woff2", "application/octet-stream", "text/event-stream"])
def test_pictures_and_events_are_not_compressed(kind: str) -> None:
    assert "Content-Encoding" not in compressed(HttpResponse(b"x" * 1000, content_type=kind))


def test_an_answer_without_a_body_gets_none() -> None:
    assert compressed(HttpResponse(b"x" * 1000), "HEAD").content == b"x" * 1000


def test_an_asynchronous_stream_stays_as_it_is_since_browsers_read_only_its_first_piece_packed(
    rf: RequestFactory,
) -> None:
    async def lines() -> AsyncIterator[bytes]:
        yield b"name,requests\n"
        yield b"chat,3\n" * 100

    request = rf.get("/usage/requests.csv", headers={"Accept-Encoding": "gzip"})
    stream = StreamingHttpResponse(lines(), content_type="text/csv")
    answer = Compression(lambda _: stream).process_response(request, stream)
    assert "Content-Encoding" not in answer.headers
