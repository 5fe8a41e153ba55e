"""The simulator's side of conversations: where each stays, and what it saves there."""

from __future__ import annotations

from engine.core.actions import Ask
from engine.core.bindings import Bindings
from engine.core.state import Group
from engine.faults.conditions import Conditions
from engine.faults.fates import Fate
from engine.rehearsal.jobs import Job
from engine.rehearsal.turns import Conversations, PromptCaches
from engine.upstreams.tokens import Usage


class Talk:
    """One request's conversation, in the process that has it.

    `bound` is the deployment that answered it last, where its group is sticky; `cached` are the tokens of its prompt
    that the attempt under way reads from a cache.
    """

    __slots__ = ("bound", "cached", "name", "talks")

    def __init__(self, talks: Talks, name: str, bound: str) -> None:
        self.talks, self.name, self.bound, self.cached = talks, name, bound, 0


class Talks:
    """Those of one process that come to `group`. Caches are the providers': all processes have the same."""

    def __init__(self, group: Group, caches: PromptCaches) -> None:
        self._group, self._caches = group, caches
        self._sticky, self._bindings = group.spec.sticky, Bindings()

    def begin(self, name: str, now: float) -> Talk:
        """A turn comes."""
        return Talk(self, name, "" if self._sticky is None else self._bindings.get(name, now))

    def ask(self, talk: Talk, ask: Ask, now: float, fate: Fate, place: Conditions) -> None:
        """A deployment reads it, but for what it has in its cache."""
        talk.cached = self._caches.read(talk.name, ask.target.key, now, fate.input_tokens)
        place.spare_reading(fate, talk.cached)

    def bind(self, talk: Talk, ask: Ask, now: float) -> None:
        """The answer, or a stream, has come: the conversation stays there if that is in its group."""
        if self._sticky is not None and ask.visit.group is self._group:
            self._bindings.put(talk.name, ask.target.key, now + self._sticky.ttl_s)

    def answered(self, talk: Talk, ask: Ask, now: float, spent: Usage) -> Usage:
        """The whole turn is known there; its tokens, with those that were cached."""
        self.bind(talk, ask, now)
        self._caches.write(talk.name, ask.target.key, now, spent.total_tokens)
        return spent._replace(cached_tokens=talk.cached)


def caches_of(job: Job) -> PromptCaches | None:
    """The caches of a run whose requests belong to conversations; else None."""
    if not job.workload.has_conversations:
        return None
    return PromptCaches(job.workload.conversations or Conversations())
