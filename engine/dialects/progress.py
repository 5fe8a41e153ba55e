"""The progress of a chat stream: has it begun, are all its answers finished? Pure."""

from __future__ import annotations

from engine.dialects.reading import Event
from engine.upstreams.tokens import Usage


class Progress:
    """The state of a stream after the events so far; `choices` is the number of answers that were requested.

    `dropped` counts unreadable events; `usage` is the last one received.
    """

    __slots__ = ("_asked", "_finished", "_is_filtered", "_seen", "dropped", "has_content", "is_done", "usage")

    def __init__(self, choices: int = 1) -> None:
        self._asked = choices
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        self.has_content = False
        self._is_filtered = False
        self.is_done = False
        self.usage: Usage | None = None
        self.dropped = 0

    def add(self, event: Event) -> None:
        """The next event."""
        self.has_content = self.has_content or event.has_content
        self._seen.update(event.choices)
        if event.finishes:
            self._finished.update(index for index, _ in event.finishes)
            self._is_filtered = self._is_filtered or any(reason == "content_filter" for _, reason in event.finishes)
        self.usage = event.usage or self.usage
        self.is_done = self.is_done or event.is_done
        self.dropped += not event.is_readable

    @property
    def has_begun(self) -> bool:
        """Whether there is something to deliver: content, or the end of an empty answer."""
        return self.has_content or bool(self._finished)

    @property
    def is_blocked(self) -> bool:
        """Whether a content filter ended an answer before any content."""
        return self._is_filtered and not self.has_content

    @property
    def is_whole(self) -> bool:
        """Whether every requested answer is finished: only usage and `[DONE]` can follow."""
        return len(self._finished) >= self._asked and self._seen <= self._finished

    @property
    def is_complete(self) -> bool:
        """Whether the stream may end now.

        An upstream that sends `[DONE]` may have begun fewer answers than requested, because some do not know `n`.
        """
        return self.is_whole or (self.is_done and bool(self._finished) and self._seen <= self._finished)
