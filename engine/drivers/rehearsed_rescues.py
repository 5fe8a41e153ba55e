"""The simulator's side of rescues: a stream that broke goes on at the same deployment or another one.

Who is asked, and how often, is decided as in the gateway (`rescuing.py`). There the text says whether an answer that is
begun again is the same; here the scenario says how many are.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from engine.core.actions import Ask
from engine.core.rescue import MOST_RESCUES, rescuers
from engine.core.state import Target
from engine.drivers.effects import Effect
from engine.drivers.endings import PassedOver
from engine.drivers.rehearsed_requests import Place, Request
from engine.faults.fates import Fate, Refusal
from engine.faults.rescues import DIFFERS_AFTER_TOKENS, RescueShares
from engine.ledger import Rescue, Skip
from engine.rehearsal.jobs import Job
from engine.spec import DeploymentSpec
from engine.upstreams.prefill import can_continue
from engine.upstreams.tokens import Usage

NOT_CONTINUED = Refusal(400, "Rehearsed: it does not go on with an answer that has begun.")


class Rescued:
    """A stream that broke: what became of it. Its caller has `told` tokens of it; `effect` is what broke it first.

    The attempt under way goes on with it as `kind` says; `differs_at` is the share of its tokens after which it is
    another answer, None when it is the same.
    """

    __slots__ = ("broken", "differs_at", "effect", "kind", "left", "order", "told")

    def __init__(self, effect: Effect) -> None:
        self.effect, self.left, self.told = effect, MOST_RESCUES, 0
        self.kind: Rescue | None = None
        self.differs_at: float | None = None
        self.order: Iterator[tuple[Target, bool]] = iter(())
        self.broken: Ask

    def hear(self, tokens: int) -> None:
        """The attempt under way broke after so many of its tokens."""
        self.told = self.told + tokens if self.kind is Rescue.CONTINUED else max(self.told, tokens)


class Rescues:
    """Those of one run; `places` are for whole answers and for streams, `ask` sends an attempt whose fate is known."""

    def __init__(
        self,
        job: Job,
        places: Sequence[Mapping[Target, Place]],
        passed_over: PassedOver,
        ask: Callable[[Request, Ask, Fate], None],
    ) -> None:
        self._shares = job.scenario.rescues or RescueShares()
        self._places, self._ask = places, ask
        self._passed_over = passed_over
        self._rng = random.Random(f"{job.seed}:rescues")  # noqa: S311  # no secret is drawn from it

    def has_gone_on(self, request: Request, effect: Effect, now: float) -> bool:
        """Whether another attempt follows the stream that broke."""
        if not (request.is_stream and request.ask.visit.group.spec.rescues):
            return False
        has_call = request.fate.has_call  # its caller has a part of it, and nobody can go on there
        if has_call and request.rescued is None:
            return False
        if (rescued := request.rescued) is None:
            rescued = request.rescued = Rescued(effect)
            # The ledger's are those that were known when the stream began.
            request.trace.skipped = self._skipped(request)
        rescued.hear(request.fate.said_tokens)
        broken = request.trace.last or request.trace.attempts[-1]
        broken.part = _part(request, request.fate.said_tokens)
        rescued.broken = request.ask
        if has_call:
            return False
        rescued.order = rescuers(request.ask, effect.failure, partial(_can_continue, request.place.row))
        return self.goes_on_elsewhere(request, rescued, now)

    def _skipped(self, request: Request) -> Sequence[Skip]:
        assert request.journey is not None  # noqa: S101  # it has one since its stream broke
        return tuple(self._passed_over.skips_of(request.journey, request.trace, is_given_up=False))

    def goes_on_elsewhere(self, request: Request, rescued: Rescued, now: float) -> bool:
        """Whether the next one that may be asked is."""
        assert request.journey is not None  # noqa: S101  # it has one since its stream broke
        for target, is_continued in rescued.order:
            if rescued.left and (ask := request.journey.go_on(rescued.broken, target, now)) is not None:
                rescued.left -= 1
                rescued.kind = Rescue.CONTINUED if is_continued else Rescue.RESTARTED
                self._ask(request, ask, self._fate(request, rescued, target, now))
                return True
        return False

    def _fate(self, request: Request, rescued: Rescued, target: Target, now: float) -> Fate:
        place, told = self._places[True][target], rescued.told
        luck, rescued.differs_at = self._rng.random(), None
        if rescued.kind is Rescue.CONTINUED:
            left = max(0, request.output_tokens - told)
            fate = place.conditions.fate(now, request.input_tokens + told, left, is_stream=True)
            if luck >= self._shares.continued:
                fate.trouble = fate.trouble or NOT_CONTINUED
            return fate
        if luck >= self._shares.restarted:
            rescued.differs_at = min(DIFFERS_AFTER_TOKENS, told) / max(1, request.output_tokens)
        return place.conditions.fate(now, request.input_tokens, request.output_tokens, is_stream=True)


def differs_at(request: Request) -> float | None:
    """The share of its tokens after which a stream proves to be another answer; None for one that does not, or that
    breaks before."""
    share = None if request.rescued is None else request.rescued.differs_at
    breaks_at = request.fate.breaks_at
    return None if share is None or (breaks_at is not None and breaks_at < share) else share


def usage_of(request: Request, output_tokens: int | None = None) -> Usage:
    """The tokens of all parts of a stream that was rescued; of its last attempt so many came, if they were not counted
    before."""
    attempts = request.trace.attempts
    if output_tokens is not None:
        attempts[-1].part = _part(request, output_tokens)
    parts = [attempt.part for attempt in attempts if attempt.part is not None]
    return usage(sum(part[0] for part in parts), sum(part[1] for part in parts))


def usage(input_tokens: int, output_tokens: int) -> Usage:
    """So many tokens."""
    return Usage(input_tokens, output_tokens, input_tokens + output_tokens)


def _part(request: Request, output_tokens: int) -> tuple[int, int, float | None]:
    read = request.fate.input_tokens
    return read, output_tokens, request.place.row.cost_usd(input_tokens=read, output_tokens=output_tokens)


def _can_continue(broken: DeploymentSpec, target: Target) -> bool:
    return can_continue(target.spec, broken, {})
