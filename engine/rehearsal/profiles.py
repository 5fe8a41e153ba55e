"""The speed of a deployment without faults."""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import cos, exp, log, log1p, sin, sqrt, tau
from typing import Annotated, Any, Literal

from engine import fields
from engine.fields import Between

Source = Literal["measured", "catalog", "default"]


@dataclass(frozen=True, slots=True)
class Spread:
    """Lognormal factors around a mean of 1; `sigma` is the standard deviation of their logarithm."""

    sigma: float

    @classmethod
    def of(cls, share: float) -> Spread:
        """The spread whose standard deviation is this share of the mean."""
        return cls(sqrt(log1p(share * share)))

    def draw_two(self, rng: random.Random) -> tuple[float, float]:
        """Two factors; always draws two numbers, even without spread."""
        # As `Random.gauss` makes its numbers, which come in pairs, too, in a third of the time.
        draw = rng.random
        angle, radius = draw() * tau, sqrt(-2.0 * log(1.0 - draw()))
        sigma = self.sigma
        shift = sigma / 2
        return exp(sigma * (cos(angle) * radius - shift)), exp(sigma * (sin(angle) * radius - shift))


@dataclass(frozen=True, slots=True)
class Profile:
    """Mean time to first token, mean speed, and the variation of both between attempts.

    `jitter` is the standard deviation as a share of the mean. `source` says where the numbers come from; the defaults
    fit a mid-sized hosted model.
    """

    first_token_ms: Annotated[float, Between(0, 3_600_000)] = 400.0
    tokens_per_s: Annotated[float, Between(0.001, 1_000_000)] = 60.0
    jitter: Annotated[float, Between(0, 3)] = 0.25
    source: Source = "default"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return fields.written(self)

    @classmethod
    def from_json(cls, data: object, *, path: str = "profile") -> Profile:
        """The profile that `to_json` described; raises BadInput."""
        return fields.read(cls, data, path)


DEFAULT_PROFILE = Profile()
