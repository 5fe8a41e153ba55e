"""The parts of a translation between a door and a dialect. Pure; the hub between them is OpenAI's chat.

A neutral event is a chunk of a chat stream as a dict. A door has a `Translator` (client's request -> chat -> client's
answer); a dialect has functions for chat -> request and request's answer -> chat, and a `Decoder` for its streams. An
encoder belongs to the client's stream and a decoder to an upstream's: one client may get chunks of several decoders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.upstreams.tokens import Usage


class Malformed(ValueError):
    """The client's request is wrong, whoever answers it: 400 with the name of the parameter.

    `param` may be a path (`input[2].content`).
    """

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param = param
        self.message = message


class Untranslatable(ValueError):
    """A deployment can't do what a request asks for: it is unsuitable.

    Never an error of the request while another deployment can; the message is for people and names the parameter.
    `code` is OpenAI's for callers, where it has one for this.
    """

    def __init__(self, param: str, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class View:
    """A client's request as a chat request; made once per request.

    `chat` is a whole body for `chat/completions` with the client's `model` and `stream`, also where there is an
    obstacle: rules, holds and estimates read it. It never has `stream_options`. `dropped` are the client's names of
    parameters that are not in it. `obstacle` says why no chat upstream can answer the request; one that speaks the
    client's dialect may. `names` are the client's names of chat's parameters (`messages`) and of parts of them
    (`messages.tool_call_id`), where they differ. Translators keep in a subclass what the way back
    needs (names of tools).
    """

    chat: dict[str, Any]
    dropped: tuple[str, ...] = ()
    obstacle: Untranslatable | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def named(self, params: Iterable[str]) -> tuple[str, ...]:
        """Parameters of the chat request by the client's names, with the parts of them (`messages.name`)."""
        return tuple(map(self._named, params)) if self.names else tuple(params)

    def _named(self, param: str) -> str:
        if whole := self.names.get(param):
            return whole
        lead, dot, part = param.partition(".")
        return f"{self.names.get(lead, lead)}{dot}{part}"


class Encoder(Protocol):
    """Chunks of a chat stream -> the client's events, as whole SSE events; b"" where there is nothing yet.

    One per client's stream. Its fields are an upstream's: it never raises because of them.
    """

    def chunk(self, fields: dict[str, Any]) -> bytes:
        """The events for one chunk. Opens the stream with the first."""
        ...

    def can_go_on(self, fields: dict[str, Any]) -> bool:
        """Whether a chunk like the last one, with another text in it, only goes on with what is open: see `more`."""
        ...

    def more(self, texts: Sequence[bytes]) -> bytes:
        """The events for such chunks; `texts` are theirs, as JSON has them."""
        ...

    @property
    def problem(self) -> str:
        """Why what has come is no whole answer, although the upstream ended it; asked before the end."""
        ...

    def end(self, usage: Usage | None) -> bytes:
        """The closing events, with the tokens that are logged and billed."""
        ...

    def fail(self, message: str, type: str, code: str | None) -> bytes:
        """The one error of a stream that broke; nothing follows it."""
        ...


class Decoder(Protocol):
    """An upstream's events -> chunks of a chat stream, with `usage` in OpenAI's words in the last.

    One per upstream's stream; never raises because of an event.
    """

    def event(self, fields: dict[str, Any]) -> list[dict[str, Any]]:
        """The chunks for one event."""
        ...

    def goes_on(self, texts: Sequence[bytes]) -> None:
        """Further events came like the last one, which was one text alone; `texts` are theirs, as JSON has them."""
        ...


@dataclass(frozen=True, slots=True)
class Translator:
    """A door's way to chat and back.

    `view` raises Malformed. `answer` turns a whole chat answer into the client's, with the tokens that are billed.
    """

    view: Callable[[dict[str, Any]], View]
    answer: Callable[[Any, dict[str, Any], Usage | None], dict[str, Any]]
    encoder: Callable[[Any], Encoder]
