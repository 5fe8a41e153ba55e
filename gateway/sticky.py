"""Which conversation a request belongs to, for groups that keep each in one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import takewhile
from typing import Any

from pydantic_core import from_json, to_json

from access.keys import KeyHolder
from engine.spec import StickyPolicy
from engine.upstreams.call import Call
from gateway.doors.incoming import Incoming

# As Claude Code, Codex, the clients of LiteLLM and others name their sessions.
SESSION_HEADERS = (
    b"x-claude-code-session-id",
    b"session-id",
    b"session_id",
    b"x-session-id",
    b"x-litellm-session-id",
)
NAME_BYTES = 16


def conversation_of(policy: StickyPolicy, request: Incoming, call: Call, holder: KeyHolder) -> str:
    """A name for the conversation: 32 hexadecimal digits, from which nobody learns what they were made of.

    Empty where the request does not say. Two callers never share one, but by `prefix`: a provider's cache serves
    equal beginnings of all callers. Raises Malformed like `Call.chat`.
    """
    value = _value(policy.by, request, call, holder)
    if not value:
        return ""
    whose = "" if policy.by == "prefix" else holder.key_id or holder.name
    return blake2b(to_json([policy.by, whose]) + value, digest_size=NAME_BYTES).hexdigest()


def _value(by: str, request: Incoming, call: Call, holder: KeyHolder) -> bytes:
    match by:
        case "key":
            return (holder.key_id or holder.name).encode()
        case "user":
            return _user(call.body)
        case "session":
            return next(
                (request.headers[name] for name in SESSION_HEADERS if name in request.headers), b""
            ) or _session(call.body)
        case "prefix":
            return _beginning(call.chat.get("messages")) if call.is_chat else b""
    return request.headers.get(by.removeprefix("header:").lower().encode(), b"")


def _user(body: Mapping[str, Any]) -> bytes:
    """The end user, as OpenAI's and Anthropic's clients name it."""
    metadata = body.get("metadata")
    said = body.get("safety_identifier") or body.get("user")
    return _text(said or (metadata.get("user_id") if isinstance(metadata, dict) else None))


def _session(body: Mapping[str, Any]) -> bytes:
    """The session that a body names: its cache key, or the one in the metadata."""
    if key := _text(body.get("prompt_cache_key")):
        return key
    metadata = body.get("metadata")
    return next(_sessions_in(metadata), b"") if isinstance(metadata, dict) else b""


def _sessions_in(metadata: Mapping[str, Any]) -> Iterator[bytes]:
    """Claude Code writes it into the user's id, as JSON."""
    if session := _text(metadata.get("session_id")):
        yield session
    user = metadata.get("user_id")
    if isinstance(user, str) and user.startswith("{"):
        try:
            fields = from_json(user)
        except ValueError:
            return
        if isinstance(fields, dict) and (session := _text(fields.get("session_id"))):
            yield session


def _beginning(messages: Any) -> bytes:
    """The instructions and the first message after them: what all turns of a conversation begin with."""
    if not isinstance(messages, list):
        return b""
    instructions = list(takewhile(_is_instruction, messages))
    return to_json(messages[: len(instructions) + 1])


def _is_instruction(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") in ("system", "developer")


def _text(value: Any) -> bytes:
    return value.encode(errors="surrogatepass") if isinstance(value, str) else b""
