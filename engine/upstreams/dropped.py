"""The caller's parameters that do not reach a provider, because LiteLLM can't translate them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

# The names are the caller's text, and go into a header and the log.
UNPRINTABLE = re.compile(r"[^!-+\--~]")
MOST, LONGEST = 32, 64
# Fields that are not parameters: the messages, the model, and the kind of delivery.
ALWAYS = frozenset({"model", "messages", "input", "stream", "stream_options"})


def dropped_params(body: Mapping[str, Any], passed: frozenset[str], known: frozenset[str] | None) -> tuple[str, ...]:
    """Names in the caller's JSON, in its order: those that are not `passed` on, and those that the provider lacks.

    `known` are the provider's; None when nobody knows. As `printable` has them. Null values, and `n` of 1, are not
    counted.
    """
    given = (name for name, value in body.items() if value is not None and name not in ALWAYS)
    lost = (name for name in given if name not in passed or (known is not None and name not in known))
    return printable(name for name in lost if name != "n" or body[name] != 1)


def printable(names: Iterable[str]) -> tuple[str, ...]:
    """Names for a header and the log: at most `MOST`, each cut at `LONGEST` characters, `?` for what does not fit."""
    return tuple(UNPRINTABLE.sub("?", name[:LONGEST]) for name in islice(names, MOST))
