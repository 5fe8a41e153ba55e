"""An upstream that speaks Anthropic's Messages API: for clients that speak it too, and for chat clients."""

from __future__ import annotations

import time
from typing import Any

from pydantic_core import to_json

from engine.dialects.anthropic.adapt import adapted
from engine.dialects.anthropic.answer import answer as chat_answer
from engine.dialects.anthropic.chunks import ChatChunks
from engine.dialects.anthropic.reading import MORE, MessagesReading, read_message, with_model
from engine.dialects.anthropic.request import Asked
from engine.dialects.anthropic.request import request as messages_request
from engine.dialects.anthropic.signatures import DROPPED, is_refusal, signatures_in, without_signed
from engine.dialects.messages.errors import error_event
from engine.dialects.progress import Progress
from engine.dialects.reading import Event
from engine.dialects.repeats import MESSAGES, Repeats
from engine.spec import DeploymentSpec
from engine.upstreams import estimates, failures, foreign_thoughts
from engine.upstreams.call import Answer, Call
from engine.upstreams.chat_events import DONE, Bytes, DecodedEvents, StreamEvents
from engine.upstreams.dropped import printable
from engine.upstreams.extras import with_extras
from engine.upstreams.foreign_thoughts import Thoughts
from engine.upstreams.over_http import Request
from engine.upstreams.passed_on import ANTHROPIC, TRACING, headers_for
from engine.upstreams.prepared import prepared
from engine.upstreams.unsupported import sent_anyway
from engine.upstreams.upstream_failure import UpstreamFailure

VERSION = "2023-06-01"
BASE = "https://api.anthropic.com/v1"
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


class MessagesSpeech:
    """The client's own request and the upstream's own answer.

    Only the model's name is another, and what the called model can't take. Thoughts that are not Anthropic's stay here.
    """

    def request(self, call: Call, deployment: DeploymentSpec) -> Request:
        body, dropped = sent_anyway(*_adapted(call, deployment), deployment, call.body)
        sent = {**body, "model": deployment.upstream_model}
        return _request(deployment, sent, messages_headers(call, deployment), dropped)

    def has_learned(self, call: Call, deployment: DeploymentSpec, refusal: UpstreamFailure) -> bool:
        return _is_of_another(call.body, deployment, refusal)

    def answer(self, call: Call, deployment: DeploymentSpec, body: bytes, request: Request) -> Answer:
        said = _read(deployment, body)
        foreign_thoughts.accept(request.thoughts)
        usage = said.usage or estimates.usage(call.chat, said.choices)
        shown = with_model(body, str(call.body.get("model")))
        return Answer(shown, deployment, usage, "content_filter" in said.finish_reasons)

    def events(self, call: Call, source: Bytes, request: Request) -> StreamEvents:
        foreign_thoughts.accept(request.thoughts)
        return MessagesEvents(source, str(call.body.get("model")))


class ChatOverMessagesSpeech:
    """A chat request in the words of the Messages API, and the answer as chat."""

    def request(self, call: Call, deployment: DeploymentSpec) -> Request:
        asked = asked_of(call, deployment)
        headers = messages_headers(call, deployment, frozenset(TRACING))
        body, dropped = sent_anyway(asked.body, asked.dropped, deployment, call.chat)
        sent = {**body, "model": deployment.upstream_model}
        return _request(deployment, sent, headers, dropped, asked.schema_tool)

    def has_learned(self, call: Call, deployment: DeploymentSpec, refusal: UpstreamFailure) -> bool:
        return _is_of_another(asked_of(call, deployment).body, deployment, refusal)

    def answer(self, call: Call, deployment: DeploymentSpec, body: bytes, request: Request) -> Answer:
        said = _read(deployment, body)
        foreign_thoughts.accept(request.thoughts)
        made = chat_answer(said.fields or {}, created=int(time.time()), schema_tool=request.kept)
        usage = said.usage or estimates.usage(call.chat, said.choices)
        return Answer(to_json(made), deployment, usage, "content_filter" in said.finish_reasons)

    def events(self, call: Call, source: Bytes, request: Request) -> StreamEvents:
        foreign_thoughts.accept(request.thoughts)
        return ChatFromMessages(source, schema_tool=request.kept, hides_usage=not call.shows_usage)


class MessagesEvents(StreamEvents):
    """The upstream's own events, with the client's name of the model in the first."""

    keeps_pings = True
    fail = staticmethod(error_event)

    def __init__(self, source: Bytes, model: str) -> None:
        super().__init__(source, Progress(), STOP)
        self._reading, self._model = MessagesReading(), model
        self._learned = Repeats(MESSAGES)

    def _repeats(self, data: bytes) -> bytes:
        return self._learned.shown(data)

    def _read(self, event: bytes) -> Event:
        said = self._reading.read_event(event)
        if said.is_done:
            self.ending = event + b"\n\n"
        elif said is MORE:
            self._learned.learn(event, self._reading.fields)
        return said

    def _shown(self, event: bytes, said: Event) -> bytes:
        if said.fields is not None and said.fields.get("type") == "message_start":
            event = with_model(event, self._model)
        return event + b"\n\n"


class ChatFromMessages(DecodedEvents):
    """The upstream's events as chunks for a chat client."""

    def __init__(self, source: Bytes, *, schema_tool: str | None, hides_usage: bool) -> None:
        chunks = ChatChunks(created=int(time.time()), schema_tool=schema_tool)
        super().__init__(source, chunks, MESSAGES, hides_usage=hides_usage)
        self._reading = MessagesReading()

    def _read(self, event: bytes) -> Event:
        said = self._reading.read_event(event)
        if said.is_done and said.fields is not None:
            self.ending = self._written(self._decoder.event(said.fields)) + DONE
        return said

    def _shown(self, event: bytes, said: Event) -> bytes:
        fields = self._reading.fields
        return self._decoded(event, fields, is_text=said is MORE) if fields is not None and said.is_data else b""


def _adapted(call: Call, deployment: DeploymentSpec) -> tuple[dict[str, Any], list[str]]:
    return adapted(call.body, deployment.known_as, most_output_tokens=deployment.max_output_tokens)


def asked_of(call: Call, deployment: DeploymentSpec) -> Asked:
    """The request for a model in the words of the Messages API, made once; raises Untranslatable."""
    model, most = deployment.known_as, deployment.max_output_tokens

    def translate(chat: dict[str, Any]) -> Asked:
        return messages_request(chat, model, most_output_tokens=most)

    return prepared(call, deployment, f"messages:{model}", translate)


def _request(
    deployment: DeploymentSpec,
    body: dict[str, Any],
    headers: dict[str, str],
    dropped: tuple[str, ...],
    kept: Any = None,
) -> Request:
    """Without the thoughts that were refused there."""
    sent = None
    if thoughts := signatures_in(body):
        if gone := foreign_thoughts.refused(deployment, thoughts):
            body, dropped = without_signed(body, gone), (*dropped, DROPPED)
        sent = Thoughts(deployment, [one for one in thoughts if one not in gone])
    body, dropped = with_extras(body, dropped, deployment)
    return Request(messages_address(deployment), to_json(body), headers, printable(dropped), kept, sent)


def _is_of_another(body: dict[str, Any], deployment: DeploymentSpec, refusal: UpstreamFailure) -> bool:
    """Whether a refusal is about thoughts of another maker, which the next request will not have."""
    if refusal.status != 400 or not is_refusal(str(refusal)):
        return False
    thoughts = signatures_in(body)
    return foreign_thoughts.refuse(deployment, set(thoughts) - foreign_thoughts.refused(deployment, thoughts))


def messages_headers(call: Call, deployment: DeploymentSpec, wanted: frozenset[str] = ANTHROPIC) -> dict[str, str]:
    """The headers of a request, with the client's own of those that are `wanted`."""
    return own_headers(deployment) | headers_for(call, deployment, wanted) | dict(deployment.extra_headers)


def own_headers(deployment: DeploymentSpec) -> dict[str, str]:
    """The headers that every request has, with the key in plaintext."""
    made = {"content-type": "application/json", "accept-encoding": "identity", "anthropic-version": VERSION}
    if deployment.api_key is None:
        return made
    key = deployment.api_key.reveal()
    # Other servers of this API read one or the other.
    return made | {"x-api-key": key} | ({"authorization": f"Bearer {key}"} if deployment.api_base else {})


def messages_address(deployment: DeploymentSpec, path: str = "messages") -> str:
    """Where a deployment answers; a base without `/v1` gets it, as Anthropic's own clients add it."""
    base = (deployment.api_base or BASE).rstrip("/")
    return f"{base}/{path}" if base.endswith("/v1") else f"{base}/v1/{path}"


def _read(deployment: DeploymentSpec, body: bytes) -> Any:
    said = read_message(body)
    if said.error:
        raise failures.from_event(deployment, said.error)
    if said.problem:
        raise failures.invalid(deployment, said.problem)
    return said
