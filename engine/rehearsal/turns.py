"""Conversations of rehearsed requests: who says the next turn, and what a provider's prompt cache has of it."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from engine import fields
from engine.core.bindings import MOST_CONVERSATIONS
from engine.fields import Between, Share

# OpenAI and Anthropic keep a prompt's beginning for 5 minutes after its last use, and no shorter one than that.
CACHE_LIVES_S, CACHE_FROM_TOKENS = 300.0, 1024


@dataclass(frozen=True, slots=True)
class Conversations:
    """Which requests belong together.

    A `share` of them are turns of conversations, of which `at_a_time` are under way, each with `turns`. A turn's prompt
    has all turns before it: prompts grow, and are on average as long as the workload says. A deployment that has
    answered a turn keeps its tokens for `cache_lives_s`, if they are at least `cache_from_tokens`.
    """

    share: Share = 1.0
    at_a_time: Annotated[int, Between(1, 100_000)] = 20
    turns: Annotated[int, Between(1, 10_000)] = 8
    cache_lives_s: Annotated[float, Between(0, 86_400)] = CACHE_LIVES_S
    cache_from_tokens: Annotated[int, Between(0, 1_000_000)] = CACHE_FROM_TOKENS

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return fields.written(self)

    @classmethod
    def from_json(cls, data: object, *, path: str = "conversations") -> Conversations:
        """The conversations that `to_json` described, the rest by default; raises BadInput."""
        return fields.read(cls, data, path)

    def turns_of(self, rng: random.Random) -> Iterator[tuple[str, float]]:
        """For one request after another: the name of its conversation ("" for none), and the size of its prompt as a
        share of the mean."""
        under_way, begun = [0] * self.at_a_time, self.at_a_time
        names = list(range(self.at_a_time))
        while True:
            if rng.random() >= self.share:
                yield "", 1.0
                continue
            at = rng.randrange(self.at_a_time)
            if under_way[at] == self.turns:
                names[at], under_way[at], begun = begun, 0, begun + 1
            under_way[at] += 1
            yield str(names[at]), 2 * under_way[at] / (self.turns + 1)


class PromptCaches:
    """What deployments have of conversations: tokens, and since when (seconds of the run)."""

    def __init__(self, about: Conversations) -> None:
        self._about = about
        self._kept: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def read(self, conversation: str, deployment_id: str, now: float, input_tokens: int) -> int:
        """How many tokens of a prompt are read from there."""
        tokens, at_s = self._kept.get((conversation, deployment_id), (0, 0.0))
        cached = min(tokens, input_tokens)
        has_any = cached >= self._about.cache_from_tokens and now - at_s <= self._about.cache_lives_s
        return cached if has_any else 0

    def write(self, conversation: str, deployment_id: str, now: float, tokens: int) -> None:
        """A turn was answered there; its prompt and its answer are so many tokens."""
        self._kept[conversation, deployment_id] = tokens, now
        self._kept.move_to_end((conversation, deployment_id))
        if len(self._kept) > MOST_CONVERSATIONS:
            self._kept.popitem(last=False)
