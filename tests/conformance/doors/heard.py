"""What the real client libraries make of recorded answers.

Their own code parses the bytes: the HTTP client under them gives it the recorded answer. Each event and each answer
must fit the library's types strictly, too, which the libraries themselves do not check.

    python -m tests.conformance.doors.heard < recorded.json > heard.json     in an environment with both libraries
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any

from openai import APIError, OpenAI
from openai.lib.streaming.chat._completions import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tests.conformance.words import Heard, plain

HAS_ANTHROPIC = importlib.util.find_spec("anthropic") is not None
# Why an answer ended, in the words of all three protocols.
OF_CHAT = {"stop": "stop", "length": "length", "tool_calls": "tools", "content_filter": "filter"}
OF_RESPONSES = {"max_output_tokens": "length", "content_filter": "filter"}
OF_MESSAGES = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tools", "refusal": "filter"}
# The classes of Anthropic's library by status, and the types of errors that it knows.
CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    404: "NotFoundError",
    429: "RateLimitError",
    504: "GatewayTimeoutError",
}
TYPES = {
    *("invalid_request_error", "authentication_error", "billing_error", "permission_error", "not_found_error"),
    *("rate_limit_error", "timeout_error", "api_error", "overloaded_error", "request_too_large"),
}
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
# What is under OpenAI's library: another one since its third version.
HTTP = "httpx" if int(version("openai").partition(".")[0]) < 3 else "httpx2"
HI: Any = [{"role": "user", "content": "hi"}]


@dataclass(frozen=True)
class Recorded:
    """An answer on the wire."""

    door: str
    is_stream: bool
    status: int
    headers: dict[str, str]
    body: str


def hear(recorded: Recorded) -> Heard:
    """What a client has; raises where its library, or its types, can't read it."""
    heard = {"chat": _chat, "responses": _responses, "messages": _messages}[recorded.door]
    return replace(heard(recorded), status=recorded.status)


def _openai(recorded: Recorded) -> OpenAI:
    http = _http(HTTP, recorded)
    return OpenAI(base_url="http://test/v1", api_key="sk-test", max_retries=0, http_client=http)


def _http(library: str, recorded: Recorded) -> Any:
    """A client of this library that gives every request the recorded answer."""
    module: Any = __import__(library)
    body = recorded.body.encode()

    def answer(request: Any) -> Any:
        return module.Response(recorded.status, headers=recorded.headers, content=body)

    return module.Client(transport=module.MockTransport(answer))


def _chat(recorded: Recorded) -> Heard:
    client = _openai(recorded)
    try:
        if not recorded.is_stream:
            whole = client.chat.completions.create(model="m", messages=HI)
            ChatCompletion.model_validate_json(recorded.body)
            return _of_chat(whole)
    except APIError as error:
        return Heard(error=type(error).__name__)
    state, count, usage = ChatCompletionStreamState(), 0, None
    try:
        for chunk in client.chat.completions.create(model="m", messages=HI, stream=True):
            ChatCompletionChunk.model_validate(chunk.to_dict())
            state.handle_chunk(chunk)
            count, usage = count + 1, chunk.usage or usage
    except APIError as error:
        heard = _of_chat(state.current_completion_snapshot) if count else Heard()
        return replace(heard, error=type(error).__name__, end="", usage=None)
    assert recorded.body.endswith("data: [DONE]\n\n"), recorded.body[-200:]
    assert recorded.body.count("[DONE]") == 1
    # Its last word would be an error where an answer was cut.
    return replace(_of_chat(state.current_completion_snapshot), usage=_of_chat_usage(usage))


def _of_chat(whole: Any) -> Heard:
    (choice,) = whole.choices
    message = choice.message
    return Heard(
        text=message.content or "",
        calls=tuple((call.function.name, plain(call.function.arguments)) for call in message.tool_calls or ()),
        thought=getattr(message, "reasoning_content", None) or "",
        end=OF_CHAT[choice.finish_reason] if choice.finish_reason else "",
        usage=_of_chat_usage(whole.usage),
    )


def _of_chat_usage(usage: Any) -> tuple[int, int, int] | None:
    if usage is None:
        return None
    details = usage.prompt_tokens_details
    return usage.prompt_tokens, (details and details.cached_tokens) or 0, usage.completion_tokens


def _responses(recorded: Recorded) -> Heard:
    client = _openai(recorded)
    try:
        if not recorded.is_stream:
            whole = client.responses.create(model="m", input="hi")
            Response.model_validate_json(recorded.body)
            return _of_response(whole)
        events = list(client.responses.create(model="m", input="hi", stream=True))
    except APIError as error:
        return Heard(error=type(error).__name__)
    for event in events:
        if "made_up" not in event.type:  # clients pass over what they do not know
            EVENT.validate_python(event.to_dict())
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(numbers), numbers
    last = events[-1]
    if last.type == "response.failed":
        text = _deltas(events)
        return replace(
            _of_response(last.response), text=text, error=f"{last.type} {last.response.error.code}", usage=None
        )
    if last.type == "response.completed":
        with client.responses.stream(model="m", input="hi") as stream:
            assert _of_response(stream.get_final_response()) == _of_response(last.response)
    assert last.type in ("response.completed", "response.incomplete"), last
    _check_growth(events, last.response)
    return _of_response(last.response)


def _check_growth(events: list[Any], response: Any) -> None:
    """What was told in pieces is what the end has."""
    assert _deltas(events) == response.output_text
    done = [event.item.to_dict() for event in events if event.type == "response.output_item.done"]
    order = [event.output_index for event in events if event.type == "response.output_item.added"]
    assert order == list(range(len(response.output)))
    assert sorted(map(json.dumps, done)) == sorted(json.dumps(item.to_dict()) for item in response.output)


def _deltas(events: list[Any]) -> str:
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def _of_response(response: Any) -> Heard:
    calls = tuple((item.name, plain(item.arguments)) for item in response.output if item.type == "function_call")
    thoughts = [part.text for item in response.output if item.type == "reasoning" for part in item.summary]
    end = {"completed": "tools" if calls else "stop", "failed": ""}.get(response.status)
    usage = response.usage
    return Heard(
        text=response.output_text,
        calls=calls,
        thought="".join(thoughts),
        end=OF_RESPONSES[response.incomplete_details.reason] if end is None else end,
        usage=usage and (usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens),
    )


def _messages(recorded: Recorded) -> Heard:
    return _by_anthropic(recorded) if HAS_ANTHROPIC else _by_hand(recorded)


def _by_anthropic(recorded: Recorded) -> Heard:
    import anthropic  # type: ignore[import-not-found]  # in .venv-clients

    http = _http("httpx2", recorded)
    client = anthropic.Anthropic(base_url="http://test", api_key="sk-test", max_retries=0, http_client=http)
    about: Any = {"model": "m", "max_tokens": 9, "messages": HI}
    try:
        if not recorded.is_stream:
            whole = client.messages.create(**about)
            anthropic.types.Message.model_validate_json(recorded.body)
            return _of_message(whole.to_dict())
    except anthropic.APIError as error:
        return Heard(error=type(error).__name__)
    heard = Heard()
    try:
        with client.messages.stream(**about) as stream:
            for _ in stream:
                heard = _of_message(stream.current_message_snapshot.to_dict())
            final = _of_message(stream.get_final_message().to_dict())
    except anthropic.APIError as error:
        return replace(heard, error=type(error).__name__, end="", usage=None)
    kinds: Any = TypeAdapter(anthropic.types.RawMessageStreamEvent)
    for event in _events(recorded.body):
        if event["type"] in ("message_start", "message_delta", "message_stop") or "content_block" in event["type"]:
            kinds.validate_python(event)
    return final


def _by_hand(recorded: Recorded) -> Heard:
    """The same without Anthropic's library, which is not among what the tests need."""
    if recorded.status != 200:
        assert _is_error(json.loads(recorded.body))
        return Heard(error=CLASSES.get(recorded.status, "InternalServerError"))
    if not recorded.is_stream:
        return _of_message(json.loads(recorded.body))
    message: dict[str, Any] = {}
    events = list(_events(recorded.body))
    for event in events:
        _accumulate(message, event)
    if events[-1]["type"] == "error":
        heard = _of_message(message) if message else Heard()
        assert _is_error(events[-1])
        return replace(heard, error="APIStatusError", end="", usage=None)
    assert [event["type"] for event in events].count("message_stop") == 1
    assert events[-1]["type"] == "message_stop"
    return _of_message(message)


def _is_error(fields: dict[str, Any]) -> bool:
    error = fields["error"]
    return fields["type"] == "error" and error["type"] in TYPES and bool(error["message"])


def _accumulate(message: dict[str, Any], event: dict[str, Any]) -> None:
    blocks = message.get("content", [])
    match event["type"]:
        case "message_start":
            message |= event["message"]
        case "content_block_start":
            assert event["index"] == len(blocks)
            assert not blocks or "is_done" in blocks[-1]
            blocks.append({**event["content_block"], "json": ""})
        case "content_block_delta":
            assert event["index"] == len(blocks) - 1
            delta = event["delta"]
            name = {"input_json_delta": "partial_json"}.get(delta["type"], delta["type"].removesuffix("_delta"))
            into = "json" if name == "partial_json" else name
            blocks[-1][into] = blocks[-1].get(into, "") + delta[name]
        case "content_block_stop":
            blocks[-1]["is_done"] = True
            if blocks[-1]["json"]:
                blocks[-1]["input"] = json.loads(blocks[-1]["json"])
        case "message_delta":
            message |= event["delta"]
            message["usage"] = {**message["usage"], **event["usage"]}


def _events(body: str) -> Iterable[dict[str, Any]]:
    for line in body.split("\n"):
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


def _of_message(message: dict[str, Any]) -> Heard:
    blocks, usage = message["content"], message["usage"]
    read, cached = usage["input_tokens"], usage.get("cache_read_input_tokens") or 0
    for block in blocks:
        assert block["type"] != "thinking" or message["stop_reason"] is None or block["signature"], block
    return Heard(
        text="".join(block["text"] for block in blocks if block["type"] == "text"),
        calls=tuple((b["name"], plain(json.dumps(b["input"]))) for b in blocks if b["type"] == "tool_use"),
        thought="".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
        end=OF_MESSAGES[message["stop_reason"]] if message["stop_reason"] else "",
        usage=(read + cached + (usage.get("cache_creation_input_tokens") or 0), cached, usage["output_tokens"]),
    )


def main() -> None:
    """Hears all that was recorded."""
    made = {}
    for name, recorded in json.load(sys.stdin).items():
        try:
            made[name] = asdict(hear(Recorded(**recorded)))
        except Exception as problem:
            made[name] = {"problem": f"{type(problem).__name__}: {problem}"[:2000]}
    json.dump(made, sys.stdout)


if __name__ == "__main__":
    main()
