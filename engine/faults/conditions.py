"""The conditions at one deployment in a rehearsal: its speed, and the faults that strike it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from engine.faults.fates import Exposure, Fate
from engine.faults.kinds import LimitedCapacity, PriceChange, too_long
from engine.faults.scenarios import Scenario
from engine.faults.targets import TargetedFault, targets
from engine.rehearsal.capacity import UNLIMITED, Capacity
from engine.rehearsal.profiles import DEFAULT_PROFILE, Pace, Profile, Spread
from engine.rehearsal.quantiles import typical
from engine.spec import DeploymentSpec, GroupSpec


class Conditions:
    """One deployment's speed and faults, with random numbers of its own.

    Every attempt draws the same count of numbers, and every fault has its own source. So neither another deployment nor
    an added fault changes the speed of the n-th attempt.
    """

    def __init__(
        self,
        name: str,
        profile: Profile,
        faults: Iterable[tuple[int, TargetedFault]],
        seed: int,
        capacity: Capacity | None = None,
        context_tokens: int | None = None,
    ) -> None:
        """`name` seeds the numbers of this deployment, and name and position those of a fault; `capacity` is its own,
        None where it is not known. It refuses prompts of
        more than `context_tokens`."""
        faults = tuple(faults)
        self._rng = random.Random(f"{seed}:{name}")  # noqa: S311
        self._spread, self._pace = Spread.of(profile.jitter), None if profile.is_plain else Pace(profile)
        self._first_token_s = typical(profile.first_token_ms) / 1000
        self._s_per_token = 1 / typical(profile.tokens_per_s)
        self._context_tokens = math.inf if context_tokens is None else context_tokens
        self._capacity, self._limits = capacity or UNLIMITED, [one for one in faults if _limit_of(one[1])]
        self.has_capacity = capacity is not None or bool(self._limits)
        self._strained: set[int] = set()
        self._faults = {n: _ArmedFault(fault, f"{seed}:{name}:{n}") for n, fault in faults if _is_armed(fault)}
        self._armed = tuple(self._faults.values())

    @property
    def struck(self) -> Iterator[int]:
        """Positions of the faults that have changed the outcome of an attempt."""
        yield from (number for number, fault in self._faults.items() if fault.has_struck)
        yield from self._strained

    def capacity(self, at_s: float) -> Capacity:
        """The capacity at this second of the run."""
        for _, aimed in self._limits:
            if aimed.from_s <= at_s < aimed.over_s and (limit := _limit_of(aimed)) is not None:
                return limit
        return self._capacity

    def strain(self, capacity: Capacity) -> None:
        """A request has waited because of this capacity, or was slowed down or refused."""
        self._strained.update(number for number, fault in self._limits if _limit_of(fault) == capacity)

    def fate(self, at_s: float, input_tokens: int, output_tokens: int, *, is_stream: bool = False) -> Fate:
        """The fate of an attempt that begins at this second of the run."""
        if self._pace is None:
            first, rest = self._spread.draw_two(self._rng)
            first_token_s, output_s = self._first_token_s * first, output_tokens * self._s_per_token * rest
        else:
            first_token_s, output_s = self._pace.draw(self._rng, input_tokens, output_tokens, is_stream=is_stream)
        fate = Fate(at_s, input_tokens, output_tokens, first_token_s, output_s, is_stream)
        for fault in self._armed:
            draw = fault.random()
            if draw < fault.probability:
                # To the microsecond: what floats lose on the way must not move an attempt out of a fault's window.
                fate.at_s = math.floor(at_s * 1e6 + 0.5) / 1e6
                fault.meet(fate, draw)
        if input_tokens > self._context_tokens:
            fate.trouble = fate.trouble or too_long(self._context_tokens)
        return fate

    def spare_reading(self, fate: Fate, tokens: int) -> None:
        """These tokens of its prompt need not be read: they are cached, or somebody else counts their time."""
        if self._pace is not None and tokens:
            spared_s = self._pace.reading_s(tokens, is_stream=fate.is_stream)
            fate.first_token_s = max(0.0, fate.first_token_s - spared_s)


def conditions_of(
    specs: Sequence[GroupSpec], scenario: Scenario, profiles: Mapping[str, Profile], seed: int
) -> dict[str, Conditions]:
    """Those of every deployment of a run, by its id.

    `specs` are all groups a request can reach, the rehearsed one first; a deployment of two groups is the same
    upstream for both. `profiles` are by deployment id; what is drawn hangs on provider and model instead, so that a
    seed gives the same run in another console.
    """
    aims = [(number, fault, targets(fault.target, specs, profiles)) for number, fault in enumerate(scenario.faults)]

    def faults_at(name: str) -> Iterator[tuple[int, TargetedFault]]:
        return ((number, fault) for number, fault, struck in aims if name in struck)

    deployments = {row.deployment_id: row for spec in specs for row in spec.deployments}
    return {name: _conditions(row, profiles, faults_at(name), seed) for name, row in deployments.items()}


def _conditions(
    row: DeploymentSpec, profiles: Mapping[str, Profile], faults: Iterable[tuple[int, TargetedFault]], seed: int
) -> Conditions:
    profile = profiles.get(row.deployment_id, DEFAULT_PROFILE)
    return Conditions(_drawn_by(row), profile, faults, seed, row.capacity, row.context_tokens)


def _limit_of(aimed: TargetedFault) -> Capacity | None:
    return aimed.fault if isinstance(aimed.fault, LimitedCapacity) else None


def _is_armed(aimed: TargetedFault) -> bool:
    """Whether it strikes attempts."""
    return not isinstance(aimed.fault, LimitedCapacity | PriceChange)


def _drawn_by(deployment: DeploymentSpec) -> str:
    """What tells this deployment from the others of any console; ids are new in each."""
    return f"{deployment.provider}/{deployment.upstream_model}"


class _ArmedFault:
    """A fault at one deployment."""

    __slots__ = ("_exposure", "_from_s", "_over_s", "_strike", "has_struck", "probability", "random")

    def __init__(self, aimed: TargetedFault, source: str) -> None:
        self._strike, self.random = aimed.fault.strike, random.Random(source).random  # noqa: S311
        self.probability, self._from_s, self._over_s = aimed.probability, aimed.from_s, aimed.over_s
        self._exposure: Exposure = aimed.exposure()
        self.has_struck = False

    def meet(self, fate: Fate, draw: float) -> None:
        """Strikes within its window; each attempt has drawn a number, and this one is below its probability."""
        if self._from_s <= fate.at_s < self._over_s:
            exposure = self._exposure
            exposure.since_s = fate.at_s - self._from_s
            # A draw below the probability is uniform again after scaling, so it is reused.
            exposure.draw = draw / self.probability
            if self.has_struck:
                self._strike(fate, exposure)
            else:
                before = replace(fate)
                self._strike(fate, exposure)
                self.has_struck = fate != before
