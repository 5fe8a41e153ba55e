"""An upstream that speaks Responses: to Responses clients as they asked, to chat clients in chat's words."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic_core import to_json

from engine.dialects.answers import AnswerReading
from engine.dialects.call_ids import IN_RESPONSES
from engine.dialects.limits import within
from engine.dialects.progress import Progress
from engine.dialects.reading import COMMENT, Event
from engine.dialects.repeats import RESPONSES, Repeats, is_text_alone
from engine.dialects.responses.kept import is_kept, item_ids
from engine.dialects.responses.reasoning import DROPPED, encrypted_in, is_refusal, without_encrypted
from engine.dialects.responses.replayed import with_short_calls, without_foreign_ids
from engine.dialects.responses.upstream.answer import answer
from engine.dialects.responses.upstream.chunks import ResponseChunks
from engine.dialects.responses.upstream.ending import Ending
from engine.dialects.responses.upstream.reading import is_done_mark, is_part, read_event, read_response
from engine.dialects.responses.upstream.request import AskedOfResponses
from engine.dialects.responses.upstream.request import request as asked_of_responses
from engine.spec import DeploymentSpec
from engine.upstreams import estimates, failures, foreign_thoughts
from engine.upstreams.call import Answer, Call
from engine.upstreams.chat_events import DONE, Bytes, DecodedEvents, StreamEvents
from engine.upstreams.dropped import printable
from engine.upstreams.extras import with_extras
from engine.upstreams.foreign_thoughts import Thoughts
from engine.upstreams.kept import Kept
from engine.upstreams.over_http import Request
from engine.upstreams.own_keys import key_for
from engine.upstreams.passed_on import headers_for
from engine.upstreams.prepared import prepared
from engine.upstreams.quirks import address, key_header
from engine.upstreams.tokens import Usage
from engine.upstreams.unsupported import sent_anyway
from engine.upstreams.upstream_failure import UpstreamFailure


class ResponsesSpeech:
    """A Responses client at an upstream that speaks it: its own JSON there, and the same bytes back."""

    def request(self, call: Call, deployment: DeploymentSpec) -> Request:
        asked, lowered = within(call.body, deployment.max_output_tokens)
        body = {**asked, "model": deployment.upstream_model}
        if not call.may_be_kept:
            body["store"] = False
        dropped = (*(("store",) if call.body.get("store") and not call.may_be_kept else ()), *lowered)
        short = with_short_calls(body)
        body, lost = without_foreign_ids(short, partial(_is_held, call, deployment))
        dropped = (*dropped, *(() if short.get("input") is asked.get("input") else (IN_RESPONSES,)), *lost)
        thoughts = encrypted_in(body)
        if thoughts and (gone := foreign_thoughts.refused(deployment, thoughts)):
            body, dropped = without_encrypted(body, gone), tuple(dict.fromkeys((*dropped, DROPPED)))
            thoughts = [one for one in thoughts if one not in gone]
        sent = Thoughts(deployment, thoughts) if thoughts else None
        body, dropped = with_extras(body, dropped, deployment)
        headers = _headers(call, deployment)
        return Request(_url(deployment), to_json(body), headers, printable(dropped), thoughts=sent)

    def has_learned(self, call: Call, deployment: DeploymentSpec, refusal: UpstreamFailure) -> bool:
        if refusal.status != 400 or not is_refusal(refusal.code, str(refusal)):
            return False
        thoughts = encrypted_in(call.body)
        return foreign_thoughts.refuse(deployment, set(thoughts) - foreign_thoughts.refused(deployment, thoughts))

    def answer(self, call: Call, deployment: DeploymentSpec, body: bytes, request: Request) -> Answer:
        said = _reading(deployment, body)
        foreign_thoughts.accept(request.thoughts)
        is_filtered, kept = "content_filter" in said.finish_reasons, _kept_of(call, said.fields or {})
        return Answer(body, deployment, _usage(call, said), is_filtered, kept=kept)

    def events(self, call: Call, source: Bytes, request: Request) -> StreamEvents:
        foreign_thoughts.accept(request.thoughts)
        return ResponseEvents(source, partial(_kept_of, call) if call.may_be_kept else None)


class ChatOverResponsesSpeech:
    """A chat client at an upstream that speaks Responses."""

    def request(self, call: Call, deployment: DeploymentSpec) -> Request:
        asked = asked_as_responses(call, deployment)
        body, dropped = sent_anyway(asked.body, asked.dropped, deployment, call.chat)
        body, dropped = with_extras(body, dropped, deployment)
        return Request(_url(deployment), to_json(body), _headers(call, deployment), printable(dropped))

    def has_learned(self, call: Call, deployment: DeploymentSpec, refusal: UpstreamFailure) -> bool:
        return False

    def answer(self, call: Call, deployment: DeploymentSpec, body: bytes, request: Request) -> Answer:
        said = _reading(deployment, body)
        chat = answer(said.fields or {}, created=int(time.time()))
        return Answer(to_json(chat), deployment, _usage(call, said), "content_filter" in said.finish_reasons)

    def events(self, call: Call, source: Bytes, request: Request) -> StreamEvents:
        return DecodedResponseEvents(source, hides_usage=not call.shows_usage)


class ResponseEvents(StreamEvents):
    """A Responses stream for a Responses client: its bytes, and an end of its own kind if it breaks."""

    def __init__(self, source: Bytes, kept_of: Callable[[dict[str, Any]], Kept | None] | None = None) -> None:
        super().__init__(source, Progress(), b"")
        self._end, self._learned = Ending(), Repeats(RESPONSES)
        self.fail = self._end.fail
        # What the upstream keeps, of the response as it was told last.
        self._kept: tuple[dict[str, Any], Kept | None] | None = None
        if kept_of is not None:
            self.kept = partial(self._kept_so_far, kept_of)

    def _kept_so_far(self, kept_of: Callable[[dict[str, Any]], Kept | None]) -> Kept | None:
        response = self._end.response
        if self._kept is None or self._kept[0] is not response:
            self._kept = response, kept_of(response)
        return self._kept[1]

    def _repeats(self, data: bytes) -> bytes:
        found = self._learned.found(data)
        if not found.texts:
            if not is_part(data, has_begun=self._end.has_begun, has_content=self.progress.has_content):
                return b""
            self._end.pass_by(data)
            return data
        self._end.go_on(found.number, len(found.texts))
        return data

    def _read(self, event: bytes) -> Event:
        said = read_event(event)
        self._end.note(said.fields)
        if said.is_done:
            self.ending = event + b"\n\n"
        elif is_text_alone(said):
            self._learned.learn(event, said.fields)
        return said

    def _shown(self, event: bytes, said: Event) -> bytes:
        return b"" if said is COMMENT and is_done_mark(event) else event + b"\n\n"


class DecodedResponseEvents(DecodedEvents):
    """A Responses stream for a chat client."""

    def __init__(self, source: Bytes, *, hides_usage: bool) -> None:
        super().__init__(source, ResponseChunks(created=int(time.time())), RESPONSES, hides_usage=hides_usage)

    def _read(self, event: bytes) -> Event:
        """The event in chat's words."""
        said = read_event(event)
        if said.is_done and said.fields:
            self.ending = self._written(self._decoder.event(said.fields)) + DONE
        return said

    def _shown(self, event: bytes, said: Event) -> bytes:
        if said.fields:
            return self._decoded(event, said.fields, is_text=is_text_alone(said))
        return b"" if is_done_mark(event) else event + b"\n\n"


def asked_as_responses(call: Call, deployment: DeploymentSpec) -> AskedOfResponses:
    """The chat request for a model in the words of Responses, made once; raises Untranslatable."""
    model = deployment.upstream_model
    return prepared(call, deployment, f"responses:{model}", lambda chat: asked_of_responses(chat, model))


def _is_held(call: Call, deployment: DeploymentSpec, item_id: str) -> bool:
    """Whether an item is the caller's and is kept there, in the account that this attempt is made with."""
    place = call.held.get(item_id)
    if place is None or place.deployment_id != deployment.deployment_id:
        return False
    return place.is_own == (key_for(call, deployment) is not None)


def _url(deployment: DeploymentSpec) -> str:
    return address(deployment, "responses")


def _headers(call: Call, deployment: DeploymentSpec) -> dict[str, str]:
    plain = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    return plain | key_header(deployment) | headers_for(call, deployment) | dict(deployment.extra_headers)


def _reading(deployment: DeploymentSpec, body: bytes) -> AnswerReading:
    said = read_response(body)
    if said.error:
        raise failures.from_event(deployment, said.error)
    if said.problem:
        raise failures.invalid(deployment, said.problem)
    return said


def _usage(call: Call, said: AnswerReading) -> Usage:
    return said.usage or estimates.usage(call.chat, said.choices)


def _kept_of(call: Call, response: dict[str, Any]) -> Kept | None:
    if not (call.may_be_kept and is_kept(response, call.body)):
        return None
    return Kept(response["id"], item_ids(response))
