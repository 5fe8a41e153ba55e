"""Rankings as the page of the routing rules shows them. Shapes only, no HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from groups.routing_rules.power_levels import AUTO, Standing, cheapness, goodness, speed
from pages.smart_routing.strategies import LEVELS, LevelText
from usage.health.standings import Rankings

MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Measured:
    """A group in a ranking: its score and how good each measure is, all from 0 to 100."""

    place: int
    standing: Standing
    score: int
    cost: int
    speed: int
    quality: int


@dataclass(frozen=True, slots=True)
class LevelCard:
    """A power level with the group it takes now; None when there is none to choose."""

    text: LevelText
    first: Standing | None

    @property
    def own(self) -> str:
        """The level's word where people choose one for themselves."""
        return self.text.name.removeprefix(f"{AUTO}-")


def measures_of(standings: Sequence[Standing]) -> list[Measured]:
    """The best groups of a ranking."""
    return [_measured(place, standing) for place, standing in enumerate(standings[:MOST_SHOWN], start=1)]


def level_cards(rankings: Rankings) -> list[LevelCard]:
    """The three power levels."""
    return [LevelCard(text, next(iter(rankings[text.name]), None)) for text in LEVELS]


def _measured(place: int, standing: Standing) -> Measured:
    good = (cheapness(standing.facts), speed(standing.facts), goodness(standing.facts))
    return Measured(place, standing, *(round(100 * value) for value in (standing.score, *good)))
