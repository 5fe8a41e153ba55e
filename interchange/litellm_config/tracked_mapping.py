"""A mapping of a file that tracks which of its keys were read: the others are reported, never silently dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from interchange.bundle import LONGEST_SHOWN, Remark, named
from interchange.litellm_config.document import mapping, number, text, whole

# `os.environ/NAME` is LiteLLM's; `${NAME}` is for tools that fill in the file before use.
_REFERENCE = re.compile(r"(?:os\.environ/(?P<name>.+)|\$\{(?P<filled>[^{}]+)\})\Z")
# Defaults for parameters of requests; here a request has all of them itself.
OF_REQUESTS = frozenset(
    {
        *("max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "n", "stop", "seed", "stream"),
        *("presence_penalty", "frequency_penalty", "repetition_penalty", "logit_bias", "response_format", "tools"),
        *("tool_choice", "parallel_tool_calls", "reasoning_effort", "thinking", "verbosity", "num_ctx", "keep_alive"),
        *("extra_body", "extra_headers", "headers", "additional_drop_params", "user"),
        "allowed_openai_params",
    }
)


def reference_in(value: Any) -> str:
    """The environment variable that a value refers to, or ''."""
    found = _REFERENCE.match(value.strip()) if isinstance(value, str) else None
    return (found["name"] or found["filled"]).strip() if found else ""


class Fields:
    """One mapping of the file. `place` is its place, for errors; each read marks its key as used."""

    def __init__(self, value: Any, place: str) -> None:
        self.place = place
        self._given = mapping(value, place)
        self._read: set[str] = set()
        self._unreadable: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        return self._given.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def get(self, name: str) -> Any:
        """The raw value; None if absent."""
        self._read.add(name)
        return self._given.get(name)

    def put_back(self, name: str) -> None:
        """Marks a key as unused again."""
        self._read.discard(name)

    def at(self, name: str) -> str:
        """The place of one key."""
        return f"{self.place}.{name[:LONGEST_SHOWN]}"

    def text(self, name: str, *, longest: int = 512) -> str:
        """As text, '' if absent; raises Wrong."""
        return text(self.get(name), self.at(name), longest=longest)

    def number(self, name: str, *, low: float = 0, high: float = 1_000_000_000) -> float | int | None:
        """As a number, None if absent or a reference; raises Wrong."""
        return None if self._is_elsewhere(name) else number(self.get(name), self.at(name), low=low, high=high)

    def whole(self, name: str, *, low: int = 0, high: int = 1_000_000_000) -> int | None:
        """As `number`, without fractions."""
        return None if self._is_elsewhere(name) else whole(self.get(name), self.at(name), low=low, high=high)

    def inner(self, name: str) -> Fields:
        """A mapping inside this one, empty if absent; raises Wrong."""
        return Fields(self.get(name), self.at(name))

    def _is_elsewhere(self, name: str) -> bool:
        if variable := reference_in(self._given.get(name)):
            self._read.add(name)
            self._unreadable[name] = variable
        return bool(variable)

    def left_out(self, label: str) -> Iterator[Remark]:
        """Remarks about the unread keys; `label` is the place for people."""
        unread = [name for name in self._given if name not in self._read]
        of_requests = [name for name in unread if name in OF_REQUESTS]
        others = [name for name in unread if name not in OF_REQUESTS]
        yield from named(label, "Defaults for requests are left out; clients send them:", of_requests)
        yield from named(label, "Not supported, left out:", others)
        elsewhere = [f"{name} ({variable})" for name, variable in self._unreadable.items()]
        yield from named(label, "Numbers in variables can't be read, left out:", elsewhere)
