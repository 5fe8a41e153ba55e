"""Group + mode + frame -> the picture: what changes (`parts`) on what does not (`sheets`)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from tester.scene import captions
from tester.scene.elements import Element, LiveCard, LiveExit, LiveLink, LiveStats, LiveStep
from tester.scene.group import DrawnDeployment, DrawnGroup, Mode, mode_of
from tester.scene.sheets import Box, Drop, Sheet, StreamPath, sheets_of

HIGH = 100.0


class PlacedCard(NamedTuple):
    """A card in one picture."""

    number: int
    deployment: DrawnDeployment
    title: str
    lead: str
    box: Box
    stream: StreamPath | None
    live: LiveCard


class PlacedLink(NamedTuple):
    """The way between two tiers in one picture."""

    drop: Drop
    live: LiveLink


@dataclass(frozen=True, slots=True)
class Picture:
    """One sheet with its parts, as the template draws it."""

    sheet: Sheet
    cards: tuple[PlacedCard, ...]
    links: tuple[PlacedLink, ...]
    exit: LiveExit


@dataclass(frozen=True, slots=True)
class Scene:
    """A group at one moment of a run, ready to be drawn (`pictures`) or compared with another moment (`parts`)."""

    group: DrawnGroup
    mode: Mode
    root: Element
    stats: LiveStats
    cards: tuple[LiveCard, ...]
    links: tuple[LiveLink, ...]
    exit: LiveExit
    heading: Element
    steps: tuple[LiveStep, ...]

    @property
    def parts(self) -> tuple[Element, ...]:
        """Everything that can change, each with its own id; always the same ones for a group and a mode."""
        live = chain(self.cards, self.links, self.steps, (self.stats, self.exit))
        return (self.root, self.heading, *(part for part in chain.from_iterable(live) if part))

    @property
    def is_preview(self) -> bool:
        """Whether the group routes otherwise than it is drawn."""
        return mode_of(self.group.strategy) is not self.mode

    @property
    def badge(self) -> str:
        """The name of the picture."""
        return captions.badge(self.group, self.mode)

    @property
    def decides(self) -> str:
        """What the router goes by."""
        return captions.decides(self.group, self.mode)

    @property
    def info(self) -> str:
        """What one is looking at."""
        return captions.info(self.group, self.mode)

    @property
    def description(self) -> str:
        """The picture in a sentence."""
        return captions.description(self.group, self.mode)

    @property
    def has_room(self) -> bool:
        """Whether the wide picture leaves its lower left corner to the last fallback and the legend."""
        return self.mode is Mode.ORDERED and sheets_of(self.group, self.mode)[0].has_room

    @property
    def is_high(self) -> bool:
        """Whether that corner begins where a single first card ends."""
        return sheets_of(self.group, self.mode)[0].hub[1] <= HIGH

    @property
    def rows(self) -> tuple[tuple[DrawnDeployment, LiveCard], ...]:
        """The table beside the picture; its parts follow those of the picture."""
        return tuple((d, live.again) for d, live in zip(self.group.deployments, self.cards, strict=True))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The picture in every format; the first one's parts lead."""
        return tuple(self._picture(sheet, leads=n == 0) for n, sheet in enumerate(sheets_of(self.group, self.mode)))

    def _picture(self, sheet: Sheet, *, leads: bool) -> Picture:
        cards = (self._card(index, sheet, leads=leads) for index in range(len(self.cards)))
        links = zip(sheet.drops, self.links, strict=True)
        return Picture(
            sheet,
            tuple(cards),
            tuple(PlacedLink(drop, live if leads else LiveLink(*(p.again for p in live))) for drop, live in links),
            self.exit if leads else LiveExit(*(part.again for part in self.exit)),
        )

    def _card(self, index: int, sheet: Sheet, *, leads: bool) -> PlacedCard:
        deployment, live = self.group.deployments[index], self.cards[index]
        room = sheet.format.card_width - 2 * sheet.format.disc_x - 112
        return PlacedCard(
            index,
            deployment,
            captions.fitted(deployment.name, room, 16.5),
            captions.lead(self.group, self.mode, index),
            sheet.cards[index],
            sheet.streams[index],
            live if leads else live.again,
        )
