"""Chunks of a chat stream -> events of the Messages API. Pure.

Blocks of a message come one after the other, but chunks of a chat may tell parallel calls in turns. The first call is
sent as it comes; what begins while it is open waits for the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json, to_json

from engine.dialects.anthropic.signatures import MARK
from engine.dialects.messages.answer import call_id, calls_of, message_id, stop_of, text_in, thoughts_in, tokens
from engine.dialects.messages.errors import error_event
from engine.dialects.messages.request import MessagesView
from engine.dialects.reading import parsed
from engine.dialects.retelling import as_written
from engine.dialects.shapes import object_of, objects
from engine.upstreams.tokens import Usage

PING = b'event: ping\ndata: {"type":"ping"}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
# The field of a delta that goes on with an open block.
NAMES = {"text": "content", "thinking": "reasoning_content", "tool_use": "tool_calls", "redacted_thinking": ""}
# Ends of an answer in which the last arguments may be a beginning.
CUT = frozenset({"length", "content_filter"})
STARTS: dict[str, dict[str, str]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
# The name of a delta, and of its one field, by the kind of the block.
DELTAS = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "tool_use": ("input_json_delta", "partial_json"),
}


class _Block:
    """A block that is open or waits: its kind, its call, all its arguments, and the texts that wait."""

    __slots__ = ("arguments", "call", "is_signed", "kind", "waiting")

    def __init__(self, kind: str, call: dict[str, Any] | None = None) -> None:
        self.kind, self.call = kind, call
        self.arguments: list[str | bytes] = []  # bytes are as JSON has them
        self.waiting: list[str] = []
        self.is_signed = False


class MessagesEncoder:
    """The events of one client's stream."""

    def __init__(self, view: MessagesView) -> None:
        self._view = view
        self._is_begun = False
        self._index = -1
        self._open: _Block | None = None
        self._delta = b""
        self._waiting: list[_Block] = []
        self._calls: list[_Block] = []
        # The call that the last piece with this index belongs to.
        self._by_index: dict[object, _Block] = {}
        self._last: dict[str, Any] = {}

    @classmethod
    def in_text(cls, view: MessagesView, index: int) -> MessagesEncoder:
        """One for a message that its client has the beginning of: the block with this index is an open text."""
        made = cls(view)
        made._is_begun, made._index = True, index
        made._enter(_Block("text"))
        return made

    def chunk(self, fields: dict[str, Any]) -> bytes:
        """The events for one chunk."""
        begun = b"" if self._is_begun else self._begin()
        choices = fields.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict) or choice.get("index") not in (0, None):
            return begun
        if choice.get("finish_reason"):
            self._last = choice
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return begun
        more = self._more(delta) if self._open is not None else None
        return begun + self._said(delta) if more is None else self._piece(more) if more else b""

    def can_go_on(self, fields: dict[str, Any]) -> bool:
        """Whether a chunk like the last one, with another text in it, is told by `more`."""
        choice = fields["choices"][0]
        is_first = self._open is not None and choice.get("index") in (0, None)
        return is_first and not choice.get("finish_reason") and self._more(choice["delta"]) is not None

    def more(self, texts: Sequence[bytes]) -> bytes:
        """The events for more of the open block."""
        begin = self._delta + b'"'
        if self._open is not None and self._open.call is not None:
            self._open.arguments.extend(texts)
        return b"".join([begin + as_written(text) + b'"}}\n\n' for text in texts])

    @property
    def problem(self) -> str:
        """What is wrong with the answer, if it was not cut: a client would run a tool with half of its arguments."""
        if self._last.get("finish_reason") in CUT:
            return ""
        broken = next((block.call for block in self._calls if block.call and not _is_object(block.arguments)), None)
        return f"called the tool '{broken['name'][:64]}' with arguments that are not JSON." if broken else ""

    def end(self, usage: Usage | None) -> bytes:
        """The closing events. All tokens are told here: they are not known before."""
        begun = b"" if self._is_begun else self._begin()
        parts = [begun, self._close(), *(self._whole(block) for block in self._waiting)]
        self._waiting = []
        reason, sequence = stop_of(self._last, has_calls=bool(self._calls))
        delta = {"stop_reason": reason, "stop_sequence": sequence}
        parts += [_event("message_delta", {"delta": delta, "usage": tokens(usage)}), STOP]
        return b"".join(parts)

    def fail(self, message: str, type: str, code: str | None) -> bytes:
        """The error event, after which nothing comes."""
        return error_event(message, type, code)

    def _begin(self) -> bytes:
        self._is_begun = True
        message: dict[str, Any] = {
            "id": message_id(self._view),
            "type": "message",
            "role": "assistant",
            "model": self._view.chat.get("model"),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": tokens(None),
        }
        return _event("message_start", {"message": message}) + PING

    def _more(self, delta: dict[str, Any]) -> str | None:
        """More text for the open block, which is what nearly every chunk has; None if there is anything else."""
        name = NAMES[self._open.kind] if self._open is not None else ""
        if len(delta) > 1 and any(value and key != name and key != "role" for key, value in delta.items()):
            return None
        value = delta.get(name)
        if name != "tool_calls":
            return value if isinstance(value, str) else None
        if type(value) is not list or len(value) != 1 or type(piece := value[0]) is not dict or piece.get("id"):
            return None
        index, function = piece.get("index"), piece.get("function")
        if type(index) is not int or type(function) is not dict or self._by_index.get(index) is not self._open:
            return None
        arguments = function.get("arguments")
        return arguments if isinstance(arguments, str) else None

    def _said(self, delta: dict[str, Any]) -> bytes:
        parts = []
        if self._view.shows_thoughts:
            if text := thoughts_in(delta):
                parts.append(self._add("thinking", text))
            parts += [self._signed(block) for block in objects(delta.get("thinking_blocks"))]
        if text := text_in(delta):
            parts.append(self._add("text", text))
        parts += [self._call(call) for call in calls_of(delta)]
        return b"".join(parts)

    def _add(self, kind: str, text: str) -> bytes:
        """Text or thoughts: into the open block of this kind, into a new one, or to those that wait."""
        if self._open is not None and self._open.kind == kind:
            return self._piece(text)
        if self._open is None or self._open.kind != "tool_use":
            return self._start(_Block(kind)) + self._piece(text)
        if not self._waiting or self._waiting[-1].kind != kind:
            self._waiting.append(_Block(kind))
        self._waiting[-1].waiting.append(text)
        return b""

    def _signed(self, block: dict[str, Any]) -> bytes:
        """The upstream's own signature of the open thoughts, or thoughts that it keeps to itself."""
        signature = block.get("signature")
        if block.get("type") == "redacted_thinking" and not self._calls:
            started = self._start(_Block("redacted_thinking"), {"type": "redacted_thinking", "data": block.get("data")})
            return started + self._close()
        if self._open is None or self._open.kind != "thinking" or self._open.is_signed:
            return b""
        return self._sign(signature) if isinstance(signature, str) and signature else b""

    def _call(self, piece: dict[str, Any]) -> bytes:
        function = object_of(piece.get("function"))
        block = self._known(piece)
        started = b""
        if block is None:
            block = self._new_call(piece, function)
            if self._open is None or self._open.kind != "tool_use":
                started = self._start(block, block.call)
            else:
                self._waiting.append(block)
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) else to_json(arguments).decode() if arguments else ""
        if not text:
            return started
        if block is self._open:
            return started + self._piece(text)
        block.waiting.append(text)
        block.arguments.append(text)
        return started

    def _known(self, piece: dict[str, Any]) -> _Block | None:
        """The call that a piece belongs to; None for a new one. Some servers give all calls the same index."""
        block, given = self._by_index.get(_index(piece)), piece.get("id")
        if block is None or block.call is None or not isinstance(given, str) or not given:
            return block
        return block if block.call["id"] == given else None

    def _new_call(self, piece: dict[str, Any], function: dict[str, Any]) -> _Block:
        name = str(function.get("name") or "")
        call = {
            "type": "tool_use",
            "id": call_id(piece, len(self._calls), self._view),
            "name": self._view.long_names.get(name, name),
            "input": {},
        }
        block = _Block("tool_use", call)
        self._calls.append(block)
        self._by_index[_index(piece)] = block
        return block

    def _start(self, block: _Block, start: dict[str, Any] | None = None) -> bytes:
        closed = self._close()
        self._index += 1
        self._enter(block)
        fields = {"index": self._index, "content_block": start or STARTS[block.kind]}
        return closed + _event("content_block_start", fields)

    def _enter(self, block: _Block) -> None:
        self._open = block
        if block.kind in DELTAS:
            kind, name = DELTAS[block.kind]
            head = f'event: content_block_delta\ndata: {{"type":"content_block_delta","index":{self._index},"delta":'
            self._delta = f'{head}{{"type":"{kind}","{name}":'.encode()

    def _piece(self, text: str) -> bytes:
        if self._open is not None and self._open.call is not None:
            self._open.arguments.append(text)
        return self._delta + to_json(text) + b"}}\n\n"

    def _sign(self, signature: str) -> bytes:
        if self._open is not None:
            self._open.is_signed = True
        delta = {"type": "signature_delta", "signature": signature}
        return _event("content_block_delta", {"index": self._index, "delta": delta})

    def _close(self) -> bytes:
        block = self._open
        if block is None:
            return b""
        signed = self._sign(MARK) if block.kind == "thinking" and not block.is_signed else b""
        self._open = None
        return signed + _event("content_block_stop", {"index": self._index})

    def _whole(self, block: _Block) -> bytes:
        """A block that had to wait."""
        text, block.arguments = "".join(block.waiting), []
        return self._start(block, block.call) + (self._piece(text) if text else b"") + self._close()


def _is_object(arguments: list[str | bytes]) -> bool:
    text = "".join(one if isinstance(one, str) else from_json(b'"' + one + b'"') for one in arguments)
    return not text.strip() or parsed(text.encode("utf-8", "replace")) is not None


def _index(piece: dict[str, Any]) -> object:
    index = piece.get("index")
    return index if type(index) is int else piece.get("id") if isinstance(piece.get("id"), str) else None


def _event(name: str, fields: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: ".encode() + to_json({"type": name, **fields}) + b"\n\n"
