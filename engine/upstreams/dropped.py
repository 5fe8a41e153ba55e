"""Which of the caller's parameters do not reach a provider, because LiteLLM has no word of its dialect for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import litellm

# The names go into a header and into the log, and they are what the caller wrote.
UNPRINTABLE = re.compile(r"[^!-+\--~]")
MOST, LONGEST = 32, 64
# Not parameters of the answer: the question, the model, and how the answer is delivered.
ALWAYS = frozenset({"model", "messages", "input", "stream", "stream_options"})


def dropped_params(
    body: Mapping[str, Any], passed: frozenset[str], *, provider: str, model: str, is_chat: bool
) -> tuple[str, ...]:
    """Names in the caller's JSON, in its order: those that are not `passed` on at all, and those the provider lacks.

    At most `MOST` of them, each cut at `LONGEST` characters, with `?` for what a header may not have. What is null says
    nothing, and one answer is what everybody gives.
    """
    known = _supported(provider, model, is_chat)
    given = (name for name, value in body.items() if value is not None and name not in ALWAYS)
    lost = (name for name in given if name not in passed or (known is not None and name not in known))
    named = (name for name in lost if name != "n" or body[name] != 1)
    return tuple(UNPRINTABLE.sub("?", name[:LONGEST]) for name in islice(named, MOST))


@lru_cache(maxsize=4096)
def _supported(provider: str, model: str, is_chat: bool) -> frozenset[str] | None:
    """None where LiteLLM does not know either."""
    kind = "chat_completion" if is_chat else "embeddings"
    try:
        names = litellm.get_supported_openai_params(model, provider, request_type=kind)
    except Exception:
        return None
    return frozenset(names) if names else None
