"""The caller's parameters that do not reach a provider, because LiteLLM can't translate them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import litellm

# The names are the caller's text, and go into a header and the log.
UNPRINTABLE = re.compile(r"[^!-+\--~]")
MOST, LONGEST = 32, 64
# Fields that are not parameters: the messages, the model, and the kind of delivery.
ALWAYS = frozenset({"model", "messages", "input", "stream", "stream_options"})


def dropped_params(
    body: Mapping[str, Any], passed: frozenset[str], *, provider: str, model: str, is_chat: bool
) -> tuple[str, ...]:
    """Names in the caller's JSON, in its order: those that are not `passed` on, and those that the provider lacks.

    As `printable` has them. Null values, and `n` of 1, are not counted.
    """
    known = _supported(provider, model, is_chat)
    given = (name for name, value in body.items() if value is not None and name not in ALWAYS)
    lost = (name for name in given if name not in passed or (known is not None and name not in known))
    return printable(name for name in lost if name != "n" or body[name] != 1)


def printable(names: Iterable[str]) -> tuple[str, ...]:
    """Names for a header and the log: at most `MOST`, each cut at `LONGEST` characters, `?` for what does not fit."""
    return tuple(UNPRINTABLE.sub("?", name[:LONGEST]) for name in islice(names, MOST))


@lru_cache(maxsize=4096)
def _supported(provider: str, model: str, is_chat: bool) -> frozenset[str] | None:
    """The parameters that the provider supports; None if LiteLLM does not know."""
    kind = "chat_completion" if is_chat else "embeddings"
    try:
        names = litellm.get_supported_openai_params(model, provider, request_type=kind)
    except Exception:
        return None
    return frozenset(names) if names else None
