"""A direct connection to an OpenAI-compatible server: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
from pydantic_core import to_json

from engine.dialects.answers import (
    AnswerReading,
    read_audio,
    read_chat,
    read_embeddings,
    read_images,
    read_results,
    read_transcript,
)
from engine.dialects.media import IMAGES
from engine.spec import DeploymentSpec
from engine.upstreams import asking, estimates, failures
from engine.upstreams.call import CHAT, TRANSCRIPTS, Answer, Call, Endpoint
from engine.upstreams.chat_events import Bytes, ChatEvents, StreamEvents
from engine.upstreams.connections import session
from engine.upstreams.dropped import printable
from engine.upstreams.extras import fields_of_form, with_extras
from engine.upstreams.media_events import MediaEvents, SpeechBytes, SpeechEvents, TranscriptEvents
from engine.upstreams.over_http import HTTPUpstream, Request
from engine.upstreams.passed_on import headers_for
from engine.upstreams.quirks import address, key_header
from engine.upstreams.units import UNITS, spoken, with_units
from engine.upstreams.uploads import Upload
from engine.upstreams.upstream_failure import UpstreamFailure

COMPATIBLE = "/compatibility/"
READERS: dict[Endpoint, Callable[[bytes], AnswerReading]] = {
    "embeddings": read_embeddings,
    "moderations": read_results,
    "rerank": read_results,
    "images/generations": read_images,
    "audio/speech": read_audio,
    **dict.fromkeys(TRANSCRIPTS, read_transcript),
}


class DirectUpstream(HTTPUpstream):
    """POST to `api_base`/chat/completions (or /embeddings, …)."""

    def __init__(self, open_session: Callable[[], aiohttp.ClientSession] = session) -> None:
        super().__init__(OpenAISpeech(), open_session)

    def dropped(self, call: Call, deployment: DeploymentSpec) -> tuple[str, ...]:
        """As of the request, without writing its JSON: it is asked of each deployment before one is chosen."""
        if call.upload is not None:
            return printable(fields_of_form(call.body, deployment)[1])
        return printable(_made(call, deployment)[1])


class OpenAISpeech:
    """OpenAI's chat, embeddings and other endpoints, as the client asked."""

    def request(self, call: Call, deployment: DeploymentSpec) -> Request:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        headers |= key_header(deployment) | headers_for(call, deployment) | dict(deployment.extra_headers)
        if call.upload is not None:
            return _form(call.upload, call, deployment, headers)
        made, dropped = _made(call, deployment)
        return Request(
            _url(call, deployment), to_json({**made, "model": deployment.upstream_model}), headers, printable(dropped)
        )

    def has_learned(self, call: Call, deployment: DeploymentSpec, refusal: UpstreamFailure) -> bool:
        return asking.is_refused(call, deployment, refusal)

    def answer(self, call: Call, deployment: DeploymentSpec, body: bytes, request: Request) -> Answer:
        said = READERS.get(call.endpoint, read_chat)(body)
        if said.error:
            raise failures.from_event(deployment, said.error)
        if said.problem:
            raise failures.invalid(deployment, said.problem)
        if call.upload is not None:
            return Answer(body, deployment, said.usage or spoken(body, call.upload.seconds))
        usage = said.usage or estimates.usage(call.chat, said.choices)
        if call.endpoint in UNITS:
            usage = with_units(usage, call.endpoint, call.body, body)
        return Answer(body, deployment, usage, "content_filter" in said.finish_reasons)

    def events(self, call: Call, source: Bytes, request: Request) -> StreamEvents:
        if call.upload is not None:
            return TranscriptEvents(source, call.upload.seconds)
        choices = call.chat.get("n")
        results = choices if isinstance(choices, int) else 1
        if call.endpoint in UNITS:
            return _media(call, source, results)
        return ChatEvents(source, choices=results, hides_usage=not call.shows_usage)


def _made(call: Call, deployment: DeploymentSpec) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body without the model's name, and the client's parameters that are not in it as they were."""
    return with_extras(asking.body(call, deployment), asking.dropped(call, deployment), deployment)


def _media(call: Call, source: Bytes, results: int) -> StreamEvents:
    """Images or speech; charged as asked until the provider counts."""
    about = with_units(estimates.usage(call.chat), call.endpoint, call.body, b"")
    if call.endpoint == "images/generations":
        return MediaEvents(source, IMAGES, about, results=results)
    return SpeechEvents(source, about) if call.is_stream else SpeechBytes(source, about)


def _form(upload: Upload, call: Call, deployment: DeploymentSpec, headers: dict[str, str]) -> Request:
    extras, lost = fields_of_form(call.body, deployment)
    fields = {**extras, "model": deployment.upstream_model}
    of_form = {"Content-Type": upload.content_type, "Content-Length": str(upload.length(fields))}
    return Request(_url(call, deployment), upload.pieces(fields), headers | of_form, printable(lost))


def _url(call: Call, deployment: DeploymentSpec) -> str:
    base = deployment.api_base or ""
    if call.endpoint == "rerank" and COMPATIBLE in base:
        # Cohere's compatible API has no ranking; its own has OpenAI's manners.
        return base.partition(COMPATIBLE)[0] + "/v2/rerank"
    return address(deployment, CHAT if call.is_chat else call.endpoint)
