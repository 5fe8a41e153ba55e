"""The speed of a deployment without faults."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cos, exp, log, log1p, sin, sqrt, tau
from statistics import NormalDist
from typing import Annotated, Any, Literal

from engine import fields
from engine.exceptions import BadInput
from engine.fields import Between, Text
from engine.rehearsal.quantiles import Amount, Quantiles, Samples, read_amount, written_amount

Source = Literal["measured", "given", "catalog", "default"]
NORMAL = NormalDist()


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

    def around(self, mean: float) -> Callable[[float], float]:
        """The inverse distribution with this mean, of shares from 0 to below 1."""
        sigma = self.sigma
        return lambda share: mean * exp(sigma * (NORMAL.inv_cdf(max(share, 1e-16)) - sigma / 2)) if sigma else mean


FIRST_TOKEN_MS, TOKENS_PER_S = Between(0, 3_600_000), Between(0.001, 1_000_000)
# The fields with distributions, and their limits.
AMOUNTS = {"first_token_ms": FIRST_TOKEN_MS, "tokens_per_s": TOKENS_PER_S}
# What is told of a profile, and decides nothing.
TOLD = ("source", "rows", "oldest_at", "newest_at")
NEEDED = "Give first_token_ms, tokens_per_s, or both."


@dataclass(frozen=True, slots=True)
class Profile:
    """Time to first token and speed of one deployment, as numbers or as measured distributions.

    `jitter` spreads those that are numbers: the standard deviation as a share of the mean. With `paired` samples the
    n-th of both belong to one answer. Of `prefill_tokens_per_s` tokens the time to read a prompt follows, beside
    `first_token_ms`. `whole_answers` has the profile of answers that are no streams, where they are known apart.
    `source` says where it comes from, `rows` how many answers were measured, `oldest_at` and `newest_at` (ISO 8601)
    when. The defaults fit a mid-sized hosted model.
    """

    first_token_ms: Amount = 400.0
    tokens_per_s: Amount = 60.0
    jitter: Annotated[float, Between(0, 3)] = 0.25
    source: Source = "default"
    prefill_tokens_per_s: Annotated[float, Between(0.001, 1_000_000_000)] | None = None
    paired: bool = False
    whole_answers: Profile | None = None
    rows: Annotated[int, Between(0, 1_000_000_000)] | None = None
    oldest_at: Text | None = None
    newest_at: Text | None = None

    def __post_init__(self) -> None:
        if self.paired and not _are_paired(self.first_token_ms, self.tokens_per_s):
            raise BadInput("paired", "Both need as many samples. Or leave this out.")

    @property
    def is_plain(self) -> bool:
        """Whether it is two numbers and their spread."""
        amounts = (
            isinstance(self.first_token_ms, Samples | Quantiles),
            isinstance(self.tokens_per_s, Samples | Quantiles),
        )
        return not any(amounts) and self.prefill_tokens_per_s is None and self.whole_answers is None

    @property
    def last_measured_at(self) -> str | None:
        """When the newest answer came that it counts, as ISO 8601."""
        whole = self.whole_answers.newest_at if self.whole_answers else None
        return max((at for at in (self.newest_at, whole) if at), default=None)

    def first_token_quantile_ms(self, share: float) -> float:
        """The time to the first token that this share of answers does not exceed, beside reading the prompt."""
        return _drawer(self.first_token_ms, replace(self, paired=False))(share)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        data = fields.written(self) | {name: written_amount(getattr(self, name)) for name in AMOUNTS}
        if not self.paired:
            del data["paired"]
        if self.whole_answers is not None:
            data["whole_answers"] = self.whole_answers.to_json()
        return data

    @classmethod
    def from_json(cls, data: object, *, path: str = "profile") -> Profile:
        """The profile that `to_json` described; raises BadInput."""
        given = fields.as_object(data, path)
        ready: dict[str, Any] = {
            name: read_amount(limit, given[name], f"{path}.{name}") for name, limit in AMOUNTS.items() if name in given
        }
        if given.get("whole_answers") is not None:
            ready["whole_answers"] = cls._whole(given["whole_answers"], f"{path}.whole_answers")
        rest = {name: value for name, value in given.items() if name not in ready}
        return fields.read(cls, rest, path, **ready)

    @classmethod
    def _whole(cls, data: object, path: str) -> Profile:
        if "whole_answers" in fields.as_object(data, path):
            raise BadInput(f"{path}.whole_answers", "Once is enough. Leave this out.")
        return cls.from_json(data, path=path)


def given_profile(data: object, path: str) -> Profile:
    """A profile from outside: its numbers are not spread unless it says so; raises BadInput with the path.

    It may be one that a run was stored with.
    """
    given = {name: value for name, value in fields.as_object(data, path).items() if name not in TOLD}
    if not any(name in given for name in AMOUNTS):
        raise BadInput(path, NEEDED)
    profile = Profile.from_json({"jitter": 0, **given}, path=path)
    return replace(profile, source="given")


def _are_paired(first: Amount, second: Amount) -> bool:
    return isinstance(first, Samples) and isinstance(second, Samples) and first.count == second.count


class Pace:
    """A profile that is ready to be drawn from; two random numbers an attempt."""

    __slots__ = ("_first_ms", "_is_paired", "_s_per_read", "_speed", "_whole")

    def __init__(self, profile: Profile) -> None:
        self._is_paired = profile.paired
        self._first_ms = _drawer(profile.first_token_ms, profile)
        self._speed = _drawer(profile.tokens_per_s, profile)
        self._s_per_read = 1 / profile.prefill_tokens_per_s if profile.prefill_tokens_per_s else 0.0
        self._whole = self if profile.whole_answers is None else Pace(profile.whole_answers)

    def draw(
        self, rng: random.Random, input_tokens: int, output_tokens: int, *, is_stream: bool
    ) -> tuple[float, float]:
        """Seconds to the first token, and for the others."""
        first, second = rng.random(), rng.random()
        pace = self if is_stream else self._whole
        first_s = pace._first_ms(first) / 1000 + input_tokens * pace._s_per_read
        return first_s, output_tokens / pace._speed(first if pace._is_paired else second)

    def reading_s(self, tokens: int, *, is_stream: bool) -> float:
        """How much of the time to the first token these tokens of a prompt take."""
        return tokens * (self if is_stream else self._whole)._s_per_read


def _drawer(amount: Amount, profile: Profile) -> Callable[[float], float]:
    """The inverse distribution."""
    if isinstance(amount, Samples | Quantiles):
        return amount.at if profile.paired else amount.ordered().at
    return Spread.of(profile.jitter).around(amount)


DEFAULT_PROFILE = Profile()
