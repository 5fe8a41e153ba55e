"""What a Claude model takes, by its name. Pure.

The rules are those of Anthropic's migration guides up to Claude 5; a name without a version is taken for a model of
another maker behind the same API, which gets only what every server knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

LEAST_BUDGET = 1024  # of thinking, in tokens
VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")


@dataclass(frozen=True, slots=True)
class Traits:
    """The parameters that a model takes.

    `takes_sampling`: temperature, top_p and top_k; `takes_both_samplings`: temperature beside top_p. `takes_schema`: a
    JSON schema for its answer; `takes_effort`: an effort; `takes_system_turns`: instructions in mid-conversation.
    `thinks_adaptively`: it chooses its own budget; `shows_on_request`: its thoughts are empty unless asked for;
    `thinks_unasked`: thinking has to be switched off. `default_max_tokens` is sent where the client set no limit.
    """

    takes_sampling: bool = True
    takes_both_samplings: bool = True
    takes_schema: bool = False
    takes_effort: bool = False
    takes_system_turns: bool = False
    thinks_adaptively: bool = False
    shows_on_request: bool = False
    thinks_unasked: bool = False
    default_max_tokens: int = 8192


@lru_cache(maxsize=1024)
def traits_of(model: str) -> Traits:
    """The traits of a model by its upstream name."""
    found = VERSION.search(model.lower())
    if found is None:
        return Traits()
    version = int(found[1]), int(found[2] or 0)
    return Traits(
        takes_sampling=version < (4, 7),
        takes_both_samplings=version < (4, 1),
        takes_schema=version >= (4, 5) or (version == (4, 1) and "opus" in model),
        takes_effort=version >= (4, 6) or (version == (4, 5) and "opus" in model),
        takes_system_turns=version >= (4, 7),
        thinks_adaptively=version >= (4, 6),
        shows_on_request=version >= (4, 7),
        thinks_unasked=version >= (5, 0),
        default_max_tokens=4096 if version < (3, 5) else 8192,
    )


def is_claude(model: str) -> bool:
    """Whether the name is that of a Claude model whose version is known."""
    return VERSION.search(model.lower()) is not None
