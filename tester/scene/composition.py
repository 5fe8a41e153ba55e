"""Group + mode + frame -> the picture: changing elements (`elements`) on fixed coordinates (`sheets`)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from tester.scene import captions
from tester.scene.elements import PATCHED, Element, LiveCard, LiveExit, LiveLink, LiveStats, LiveStep
from tester.scene.group import DrawnDeployment, DrawnGroup, Mode, mode_of
from tester.scene.sheets import Box, Drop, Sheet, StreamPath, sheets_of

HIGH = 100.0


class PlacedCard(NamedTuple):
    """A card with its place in one picture."""

    number: int
    deployment: DrawnDeployment
    title: str
    lead: str
    box: Box
    stream: StreamPath | None
    live: LiveCard


class PlacedLink(NamedTuple):
    """The connection between two tiers in one picture."""

    drop: Drop
    live: LiveLink


@dataclass(frozen=True, slots=True)
class Picture:
    """One sheet with its elements, for the template."""

    sheet: Sheet
    cards: tuple[PlacedCard, ...]
    links: tuple[PlacedLink, ...]
    exit: LiveExit


@dataclass(frozen=True, slots=True)
class Scene:
    """A group at one moment of a run, to draw (`pictures`) or to compare with another moment (`parts`)."""

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
        """All changing elements, each with its own id; always the same ones for a group and a mode."""
        live = chain(self.cards, self.links, self.steps, (self.stats, self.exit))
        return (self.root, self.heading, *(part for part in chain.from_iterable(live) if part))

    @property
    def patched(self) -> str:
        """The attributes that a patch may touch, for the page."""
        return " ".join(sorted(PATCHED))

    @property
    def is_preview(self) -> bool:
        """Whether the group is drawn in the other mode than its own."""
        return mode_of(self.group.strategy) is not self.mode

    @property
    def badge(self) -> str:
        """The name of the picture."""
        return captions.badge(self.group, self.mode)

    @property
    def decides(self) -> str:
        """The routing criterion."""
        return captions.decides(self.group, self.mode)

    @property
    def info(self) -> str:
        """The sentences below the picture."""
        return captions.info(self.group, self.mode)

    @property
    def description(self) -> str:
        """The picture in a sentence."""
        return captions.description(self.group, self.mode)

    @property
    def has_room(self) -> bool:
        """Whether the wide picture has its lower left corner free for the last fallback and the legend."""
        return self.mode is Mode.ORDERED and sheets_of(self.group, self.mode)[0].has_room

    @property
    def is_high(self) -> bool:
        """Whether that corner begins at the end of a single first card."""
        return sheets_of(self.group, self.mode)[0].hub[1] <= HIGH

    @property
    def rows(self) -> tuple[tuple[DrawnDeployment, LiveCard], ...]:
        """The table beside the picture; its elements follow those of the picture."""
        return tuple((d, live.again) for d, live in zip(self.group.deployments, self.cards, strict=True))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The picture in every format; the elements of the first one lead."""
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
