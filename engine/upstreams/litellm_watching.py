"""Reads a provider's own stream beside LiteLLM, which invents an end for a broken stream."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

from litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini import ModelResponseIterator as GeminiReader

# What LiteLLM makes of `[DONE]`, which ends a stream but finishes no answer.
DONE = {"text": "", "is_finished": True, "finish_reason": "stop", "usage": None, "index": 0, "tool_use": None}
# LiteLLM's reader of Gemini marks every piece as the last; only the provider's own JSON shows the real one.
INVENTED = frozenset({"stop", "tool_calls", "function_call"})


class Watch:
    """Watches a LiteLLM stream one level below: which answers began, which of them finished, and why."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self._invents_stops = False
        self._is_watched = False
        self._speaks_dicts = False
        self._ended: set[int] = set()
        self.seen: set[int] = set()
        self.finished: dict[int, str] = {}
        self._bind()

    def _bind(self) -> None:
        response = self._response
        if response.completion_stream is None and response.make_call is not None:
            response.make_call = self._made_by(response.make_call)
        elif isinstance(response.completion_stream, AsyncIterable):
            response.completion_stream = self._watched(response.completion_stream)

    def _made_by(self, make_call: Any) -> Any:
        async def made(**kwargs: Any) -> Any:
            return self._watched(await make_call(**kwargs))

        return made

    def _watched(self, chunks: Any) -> _Watched:
        self._is_watched = True
        if isinstance(chunks, GeminiReader):
            self._invents_stops = True
            chunks.chunk_parser = self._noting_ends(chunks.chunk_parser)
        return _Watched(chunks, self)

    def _noting_ends(self, parse: Any) -> Any:
        def parsed(chunk: dict[str, Any]) -> Any:
            for place, candidate in enumerate(chunk.get("candidates") or ()):
                if candidate.get("finishReason"):
                    self._ended.add(candidate.get("index", place))
            return parse(chunk)

        return parsed

    def note(self, chunk: Any) -> None:
        """The next item of the provider's own reader."""
        if isinstance(chunk, dict):
            self._note_dict(chunk)
            return
        for place, choice in enumerate(getattr(chunk, "choices", None) or ()):
            index = choice.index if type(getattr(choice, "index", None)) is int else place
            self.seen.add(index)
            reason = getattr(choice, "finish_reason", None)
            if isinstance(reason, str) and reason and not self._is_invented(index, reason):
                self.finished[index] = reason

    def _is_invented(self, index: int, reason: str) -> bool:
        return self._invents_stops and reason in INVENTED and index not in self._ended

    def _note_dict(self, chunk: dict[str, Any]) -> None:
        self._speaks_dicts = self._speaks_dicts or bool(chunk.get("text") or chunk.get("tool_use"))
        if chunk == DONE and not self._speaks_dicts:
            return
        self.seen.add(0)
        if chunk.get("is_finished") or chunk.get("finish_reason"):
            self.finished[0] = chunk.get("finish_reason") or "stop"

    @property
    def is_whole(self) -> bool:
        """Whether the provider finished every answer that it began."""
        if not self._is_watched:
            return bool(self._response.received_finish_reason or self._response.intermittent_finish_reason)
        return bool(self.finished) and self.seen <= self.finished.keys()

    def has_ended(self, choices: set[int]) -> bool:
        """Whether the provider itself has finished these answers."""
        return choices <= self.finished.keys() if self._is_watched else self.is_whole

    @property
    def is_failed(self) -> bool:
        """Whether the provider ended an answer with an error."""
        return "error" in {reason.lower() for reason in self.finished.values()}


class _Watched:
    """A stand-in for a provider's reader, with all its attributes."""

    def __init__(self, chunks: Any, watch: Watch) -> None:
        self._chunks, self._watch = chunks, watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chunks, name)

    def __aiter__(self) -> AsyncIterator[Any]:
        self._iterator = aiter(self._chunks)
        return self

    async def __anext__(self) -> Any:
        chunk = await anext(self._iterator)
        self._watch.note(chunk)
        return chunk
