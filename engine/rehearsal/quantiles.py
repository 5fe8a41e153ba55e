"""Distributions as they were measured: a list of samples, or some of their quantiles."""

from __future__ import annotations

import statistics
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

from engine import fields
from engine.exceptions import BadInput
from engine.fields import Between, Share

MOST_SAMPLES, MOST_QUANTILES = 5_000, 1_000
KNOWN = ("samples", "quantiles")


@dataclass(frozen=True, slots=True)
class Samples:
    """Measured values, each as likely as the others."""

    values: tuple[float, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.values)

    def ordered(self) -> Samples:
        """The same, smallest first, so that `at` is an inverse distribution."""
        return Samples(tuple(sorted(self.values)))

    def at(self, share: float) -> float:
        """The value at this share of the list, from 0 to below 1."""
        return self.values[int(share * len(self.values))]

    def median(self) -> float:
        """The value in the middle."""
        return statistics.median(self.values)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"samples": list(self.values)}


@dataclass(frozen=True, slots=True)
class Quantiles:
    """An inverse distribution: `(share, value)`, both rising, with straight lines between.

    Below the first share and above the last the value stays the same: nothing is known there.
    """

    points: tuple[tuple[float, float], ...]

    def ordered(self) -> Quantiles:
        """Itself: it rises."""
        return self

    def at(self, share: float) -> float:
        """The value that this share of all do not exceed."""
        points = self.points
        place = bisect_left(points, (share,))
        if place in (0, len(points)):
            return points[min(place, len(points) - 1)][1]
        (low, lower), (high, higher) = points[place - 1], points[place]
        return lower + (higher - lower) * (share - low) / (high - low)

    def median(self) -> float:
        """The value in the middle."""
        return self.at(0.5)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"quantiles": [list(point) for point in self.points]}


# A number stands for a distribution that has only this value, or is spread around it.
Amount = float | Samples | Quantiles


def read_amount(limit: Between, data: object, path: str) -> Amount:
    """A number, `{"samples": [value]}` or `{"quantiles": [[share, value]]}`; raises BadInput with the path."""
    if not isinstance(data, dict):
        try:
            return _number(limit, data, path)
        except BadInput as error:
            told = f"{error.message[:-1]}, or an object with samples or quantiles."
            raise BadInput(path, told) from None
    fields.refuse_unknown(data, KNOWN, path)
    if len(data) != 1:
        raise BadInput(path, "Give either samples or quantiles.")
    if "samples" in data:
        return Samples(tuple(_samples(limit, data["samples"], f"{path}.samples")))
    return Quantiles(tuple(_points(limit, data["quantiles"], f"{path}.quantiles")))


def written_amount(amount: Amount) -> float | dict[str, Any]:
    """The JSON from which `read_amount` makes it."""
    return amount.to_json() if isinstance(amount, Samples | Quantiles) else amount


def typical(amount: Amount) -> float:
    """The median; a number itself."""
    return amount.median() if isinstance(amount, Samples | Quantiles) else amount


def _samples(limit: Between, data: object, path: str) -> list[float]:
    rows = _list(data, MOST_SAMPLES, path)
    # A run has thousands of them, and nearly always they are all right.
    if all(type(value) in (float, int) and limit.low <= value <= limit.high for value in rows):  # type: ignore[operator]
        return list(map(float, rows))  # type: ignore[arg-type]
    return [_number(limit, value, f"{path}[{n}]") for n, value in enumerate(rows)]


def _points(limit: Between, data: object, path: str) -> list[tuple[float, float]]:
    rows = _list(data, MOST_QUANTILES, path)
    points = [_point(limit, row, f"{path}[{n}]") for n, row in enumerate(rows)]
    for n, (before, after) in enumerate(pairwise(points), start=1):
        if after[0] <= before[0] or after[1] < before[1]:
            raise BadInput(f"{path}[{n}]", "Sort them: shares rise, and values don't fall.")
    return points


def _point(limit: Between, row: object, path: str) -> tuple[float, float]:
    if not isinstance(row, list | tuple) or len(row) != 2:
        raise BadInput(path, "Give [share from 0 to 1, value].")
    share = fields.value_of(Share, row[0], f"{path}[0]")
    return share, _number(limit, row[1], f"{path}[1]")


def _list(data: object, most: int, path: str) -> list[object] | tuple[object, ...]:
    if not isinstance(data, list | tuple) or not 0 < len(data) <= most:
        raise BadInput(path, f"Give a list of 1 to {most:,}.")
    return data


def _number(limit: Between, value: object, path: str) -> float:
    number: float = fields.value_of(Annotated[float, limit], value, path)
    return number
