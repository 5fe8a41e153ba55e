"""Sound to text through groups: forms with a file, over real sockets, to upstreams that see every byte of them."""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.engine.direct_calls import DONE, Sent, Whole
from tests.fakes import Drop, ScriptedUpstream, Status
from tests.gateway.conftest import Stage
from tests.gateway.doors.test_small_doors_over_the_wire import BEARER, Place, Sound
from tests.servers import MASTER_KEY, console

_numbers = itertools.count(1)
PATH = "/v1/audio/transcriptions"
SOUND = bytes(range(256)) * 40
SAID = {"text": "Hello there.", "usage": {"type": "duration", "seconds": 9}}
DELTA = b'event: transcript.text.delta\ndata: {"type":"transcript.text.delta","delta":"Hello"}\n\n'
END = (
    b'event: transcript.text.done\ndata: {"type":"transcript.text.done","text":"Hello","usage":{"type":"tokens",'
    b'"input_tokens":14,"output_tokens":5,"total_tokens":19,"input_token_details":{"audio_tokens":14}}}\n\n'
)


@pytest.fixture
def place(stage: Stage, make_group: Callable[..., str]) -> Iterator[Place]:
    with ScriptedUpstream(Whole(SAID)) as upstream:
        providers = (f"Hears {next(_numbers)}" for _ in "AB")
        models = [stage.console.add_model(provider=name, api_base=upstream.url) for name in providers]
        yield Place(stage, upstream, make_group(*models))


def client_of(place: Place) -> OpenAI:
    return OpenAI(base_url=f"{place.stage.console.url}/v1", api_key=MASTER_KEY, max_retries=0, timeout=30)


def form(*parts: tuple[str, bytes], boundary: str = "b-1", end: bytes = b"--\r\n") -> tuple[bytes, dict[str, str]]:
    """A form of parts (what follows `form-data; `, the value), and its headers."""
    mark = b"--" + boundary.encode()
    rows = (b"%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (mark, name.encode(), v) for name, v in parts)
    headers = {**BEARER, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    return b"".join(rows) + mark + end, headers


def post(place: Place, body: bytes, headers: dict[str, str], path: str = PATH) -> httpx.Response:
    return httpx.post(place.stage.console.url + path, content=body, headers=headers, timeout=30)


def file(value: bytes = SOUND) -> tuple[str, bytes]:
    return 'name="file"; filename="a.mp3"', value


def test_openais_client_transcribes_and_the_seconds_are_counted(place: Place):
    answer = client_of(place).audio.transcriptions.with_raw_response.create(
        model=place.name, file=("a.mp3", SOUND, "audio/mpeg"), timestamp_granularities=["word", "segment"]
    )
    assert answer.parse().text == "Hello there."
    [asked] = place.upstream.seen
    assert asked.path == PATH
    assert asked.raw.count(SOUND) == 1
    assert (b"llama" in asked.raw, place.name.encode() in asked.raw) == (True, False)
    row = place.logged(answer)  # type: ignore[arg-type]
    assert (row["endpoint"], row["units"], row["unit"]) == ("audio/transcriptions", 9, "second")
    assert (row["input_tokens"], row["output_tokens"], row["is_estimated"]) == (0, 0, False)


def test_fields_of_the_provider_are_in_the_form_and_win_over_the_clients(place: Place):
    extras = {"language": "de", "temperature": 0.5, "hint": "Grüße"}
    console = place.stage.console
    for row in console.call("GET", "/api/v1/llm/providers?size=200")["providers"]:
        if row["api_base"] == place.upstream.url:
            console.call("PATCH", f"/api/v1/llm/providers/{row['id']}", {"extra_body": extras})
    console.catch_up()
    parts = [('name="language"', b"en"), file(), ('name="model"', place.name.encode()), ('name="language"', b"fr")]
    answer = post(place, *form(*parts, ('name="temperature"', b"0.5")))
    assert (answer.status_code, answer.headers["x-routing-dropped-params"]) == (200, "language")
    [asked] = place.upstream.seen
    sent = [('name="hint"', "Grüße".encode()), ('name="language"', b"de"), file(), ('name="model"', b"llama")]
    assert asked.raw == form(*sent, ('name="temperature"', b"0.5"))[0]


def test_only_the_model_changes_wherever_it_stands(place: Place):
    parts = [('name="language"', b"en"), file(b"\r\n--b-1x\r\n" + SOUND), ('name="model"', place.name.encode())]
    body, headers = form(*parts, ('name="prompt"', "Grüße".encode()))
    assert post(place, body, headers).json() == SAID
    [asked] = place.upstream.seen
    assert asked.headers["content-type"] == headers["Content-Type"]
    assert asked.raw == body.replace(place.name.encode(), b"llama")


@pytest.mark.parametrize("broken", [Status(503), Drop()], ids=repr)
def test_a_large_file_is_sent_again_to_the_next_deployment(place: Place, broken: Any):
    large = SOUND * 300  # 3 MB: on disk
    place.upstream.script(broken)
    body, headers = form(file(large), ('name="model"', place.name.encode()))
    assert post(place, body, headers).status_code == 200
    first, second = place.upstream.seen
    assert first.raw == second.raw == body.replace(place.name.encode(), b"llama")


SRT = b"1\n00:00:00,000 --> 00:00:02,500\nHello\n\n2\n00:00:02,500 --> 00:01:04,250\nthere\n"
VTT = b"WEBVTT\n\n00:00.000 --> 00:07.500\nHello\n"


@pytest.mark.parametrize(
    ("wanted", "body", "kind", "told", "seconds"),
    [
        ("text", b"Hello\n", "text/plain; charset=utf-8", "text/plain; charset=utf-8", len(SOUND) / 16_000),
        ("srt", SRT, "application/x-subrip", "application/x-subrip", 64.25),
        ("vtt", VTT, "text/vtt", "text/vtt", 7.5),
        ("text", b"<script>", "text/html", "text/plain; charset=utf-8", len(SOUND) / 16_000),
        ("verbose_json", {"text": "", "duration": "8.5", "segments": []}, "application/json", "application/json", 8.5),
    ],
)
def test_every_format_comes_as_it_is(place: Place, wanted: str, body: Any, kind: str, told: str, seconds: float):
    place.upstream.script(Whole(body, headers={"Content-Type": kind}))
    sent, headers = form(file(), ('name="model"', place.name.encode()), ('name="response_format"', wanted.encode()))
    answer = post(place, sent, headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, told)
    assert answer.content == body if isinstance(body, bytes) else answer.json() == body
    row = place.logged(answer)
    assert (row["units"], row["unit"]) == (pytest.approx(seconds, abs=0.001), "second")
    assert row["is_estimated"] is (wanted != "verbose_json")


def test_openais_client_reads_subtitles(place: Place):
    place.upstream.script(Whole(SRT, headers={"Content-Type": "text/plain; charset=utf-8"}))
    said: object = client_of(place).audio.transcriptions.create(
        model=place.name, file=("a.mp3", SOUND), response_format="srt"
    )
    assert said == SRT.decode()


def test_the_length_of_a_wav_is_known_exactly(place: Place):
    head = b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    place.upstream.script(Whole(b"Hello\n", headers={"Content-Type": "text/plain"}))
    body, headers = form(file(head + b"data" + bytes(4) + bytes(32_000)), ('name="model"', place.name.encode()))
    row = place.logged(post(place, body, headers))
    assert row["units"] == pytest.approx(2.0, abs=0.01)


def test_a_stream_falls_back_before_its_first_text_and_has_one_end(place: Place):
    place.upstream.script(Sent((b'data: {"error":{"message":"no ears today"}}\n\n',)), Sent((DELTA, END, DONE)))
    stream = client_of(place).audio.transcriptions.with_raw_response.create(
        model=place.name, file=("a.mp3", SOUND), stream=True
    )
    assert [event.type for event in stream.parse()] == ["transcript.text.delta", "transcript.text.done"]
    row = place.logged(stream)  # type: ignore[arg-type]
    assert (row["input_tokens"], row["output_tokens"], row["unit"], row["is_stream"]) == (14, 5, "", True)
    assert row["fell_back"] is True


def test_a_stream_of_a_model_without_streams_is_a_whole_answer(place: Place):
    body, headers = form(file(), ('name="model"', place.name.encode()), ('name="stream"', b"true"))
    assert post(place, body, headers).json() == SAID


def test_a_stream_in_chats_words_comes_as_it_is(place: Place):
    chunk = (
        b'data: {"object":"transcription.chunk","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":%b}]}'
    )
    parts = (chunk % b"null" + b"\n\n", chunk % b'"stop"' + b"\n\n", DONE)
    place.upstream.script(Sent(parts))
    body, headers = form(file(), ('name="model"', place.name.encode()), ('name="stream"', b"true"))
    assert post(place, body, headers).content == b"".join(parts)


def test_a_stream_that_is_cut_ends_with_one_error(place: Place):
    place.upstream.script(Sent((DELTA,), then="cut"))
    body, headers = form(file(), ('name="model"', place.name.encode()), ('name="stream"', b"true"))
    answer = post(place, body, headers)
    assert answer.content.startswith(DELTA)
    assert (answer.content.count(b'"error"'), b"[DONE]" in answer.content) == (1, False)
    row = place.logged(answer)
    assert (row["status"], row["unit"], row["is_estimated"]) == (502, "second", True)


def test_translations_and_azures_address_are_the_same_work(place: Place):
    body, headers = form(file())
    named = f"/openai/deployments/{place.name}/audio/translations?api-version=2025-03-01-preview"
    assert post(place, body, headers, named).json() == SAID
    [asked] = place.upstream.seen
    assert asked.path == "/v1/audio/translations"
    assert re.match(rb'--b-1\r\nContent-Disposition: form-data; name="model"\r\n\r\nllama\r\n--b-1\r\n', asked.raw)
    assert place.logged(post(place, body, headers, named))["endpoint"] == "audio/translations"


def test_a_second_of_sound_has_its_price(stage: Stage, make_group: Callable[..., str]):
    with ScriptedUpstream(Whole(SAID)) as upstream:
        base = {"name": "Hears for money", "type": "groq", "api_key": "sk-of-a-test", "api_base": upstream.url}
        provider = stage.console.call("POST", "/api/v1/llm/providers", base)["provider"]["id"]
        row = {"provider": provider, "model_name": "whisper-large-v3"}
        model = stage.console.call("POST", "/api/v1/llm/models", row)["model"]["id"]
        place = Place(stage, upstream, make_group(model))
        body, headers = form(file(), ('name="model"', place.name.encode()))
        answer = post(place, body, headers)
        assert float(answer.headers["x-litellm-response-cost"]) == pytest.approx(9 * 3.083e-05)


def test_behind_daphne_a_wrong_form_is_answered_by_us_too(tmp_path: Path):
    with console(tmp_path, server="daphne") as ours:
        for body, words in ((b"hello", "multipart/form-data"), (form(file(), M)[0], "does not exist")):
            headers = {**BEARER, "Content-Type": "multipart/form-data; boundary=b-1"}
            answer = httpx.post(ours.url + PATH, content=body, headers=headers, timeout=30)
            assert words in answer.json()["error"]["message"]


def test_behind_daphne_speech_that_breaks_off_is_cut_too(tmp_path: Path):
    with ScriptedUpstream(Sound((b"ID3",), is_cut=True)) as upstream, console(tmp_path, server="daphne") as ours:
        ours.add_group("speaks", [ours.add_model(provider="Speaks", api_base=upstream.url)])
        body = {"model": "speaks", "input": "Hello", "voice": "alloy"}
        asked = httpx.stream("POST", f"{ours.url}/v1/audio/speech", json=body, headers=BEARER, timeout=30)
        with asked as answer, pytest.raises(httpx.RemoteProtocolError):
            answer.read()


M = ('name="model"', b"m")


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"", "multipart/form-data; boundary=b", "closing boundary"),
        (b"hello", "multipart/form-data; boundary=b", "multipart/form-data"),
        (b"{}", "application/json", "multipart/form-data"),
        (form(file(), M)[0], "multipart/form-data", "boundary"),
        (form(file(), M)[0], f"multipart/form-data; boundary={'b' * 71}", "boundary"),
        (form(file(), M, end=b"")[0], "multipart/form-data; boundary=b-1", "closing boundary"),
        (form(file())[0], "multipart/form-data; boundary=b-1", "'model' must be a name"),
        (form(M)[0], "multipart/form-data; boundary=b-1", "'file' must be a file"),
        (form(M, ('name="file"', b"x"))[0], "multipart/form-data; boundary=b-1", "'file' must be a file"),
        (form(file(), M, M)[0], "multipart/form-data; boundary=b-1", "'model' must be there once"),
        (form(file(), M, ('name="stream"', b"yes"))[0], "multipart/form-data; boundary=b-1", "'stream' must be"),
        (form(file(), M, ("", b"x"))[0], "multipart/form-data; boundary=b-1", "no name"),
        (form(file(), M, ('name="prompt"', b"\xff"))[0], "multipart/form-data; boundary=b-1", "UTF-8"),
        (form(file(), M, ('name="prompt"', b"x" * 65_537))[0], "multipart/form-data; boundary=b-1", "64 KB"),
        (form(file(), M, *[('name="x"', b"")] * 64)[0], "multipart/form-data; boundary=b-1", "64 fields"),
    ],
)
def test_a_form_that_is_wrong_says_what_to_do(stage: Stage, body: bytes, kind: str, words: str):
    headers = {**BEARER, "Content-Type": kind}
    answer = httpx.post(stage.console.url + PATH, content=body, headers=headers, timeout=30)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert words in answer.json()["error"]["message"]


def test_a_form_that_is_too_large_is_refused_with_the_setting(stage: Stage):
    body, headers = form(file(bytes(33 * 1024 * 1024)), M)
    answer = httpx.post(stage.console.url + PATH, content=body, headers=headers, timeout=60)
    assert (answer.status_code, "MAX_REQUEST_MB" in answer.json()["error"]["message"]) == (413, True)


def test_a_wrong_key_is_refused_before_the_file_is_read(stage: Stage):
    body, headers = form(file(), M)
    answer = httpx.post(stage.console.url + PATH, content=body, headers={**headers, "Authorization": "Bearer x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
