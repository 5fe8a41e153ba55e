"""Group + mode + frame -> the picture: changing elements (`elements`) on fixed coordinates (`sheets`)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from tester.scene import captions
from tester.scene.elements import (
    PATCHED,
    Element,
    LiveCard,
    LiveExit,
    LiveLink,
    LiveStats,
    LiveStep,
    LiveStream,
)
from tester.scene.group import DrawnDeployment, DrawnGroup, Mode, mode_of
from tester.scene.sheets import Box, Drop, Sheet, sheets_of


class PlacedStream(NamedTuple):
    """A stream with its path in one picture; `colour` is that of its card."""

    number: int
    path: Element
    port: str
    live: LiveStream
    colour: str


class PlacedCard(NamedTuple):
    """A card with its place in one picture."""

    number: int
    deployment: DrawnDeployment
    title: str
    lead: str
    tier: str
    box: Box
    live: LiveCard


class PlacedLink(NamedTuple):
    """The connection between two tiers in one picture; the pill of skipped requests is above the lower one."""

    drop: Drop
    skip_x: float
    skip_y: float
    live: LiveLink


class PlacedExit(NamedTuple):
    """The card of what no deployment of the group answered."""

    title: str
    box: Box
    live: LiveExit


@dataclass(frozen=True, slots=True)
class Picture:
    """One sheet with its elements, for the template."""

    sheet: Sheet
    inflow: Element
    streams: tuple[PlacedStream, ...]
    cards: tuple[PlacedCard, ...]
    links: tuple[PlacedLink, ...]
    exits: tuple[PlacedExit, ...]

    @property
    def height(self) -> float:
        """Of the sheet."""
        return self.sheet.height


@dataclass(frozen=True, slots=True)
class Scene:
    """A group at one moment of a run, to draw (`pictures`) or to compare with another moment (`parts`).

    `streams` are those of the cards and then of the exits; `paths` say where they run on each sheet.
    """

    group: DrawnGroup
    mode: Mode
    root: Element
    stats: LiveStats
    inflow: Element
    cards: tuple[LiveCard, ...]
    streams: tuple[LiveStream, ...]
    paths: tuple[tuple[Element, ...], ...]
    links: tuple[LiveLink, ...]
    exits: tuple[LiveExit, ...]
    heading: Element
    steps: tuple[LiveStep, ...]

    @property
    def parts(self) -> tuple[Element, ...]:
        """All changing elements, each with its own id; always the same ones for a group and a mode."""
        live = chain(self.cards, self.streams, self.paths, self.links, self.exits, self.steps, (self.stats,))
        return (self.root, self.inflow, self.heading, *(part for part in chain.from_iterable(live) if part))

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
        """The sentences that explain the picture."""
        return captions.info(self.group, self.mode)

    @property
    def description(self) -> str:
        """The picture in a sentence."""
        return captions.description(self.group, self.mode)

    @property
    def has_rows(self) -> bool:
        """Whether the wide picture has rows instead of cards."""
        return sheets_of(self.group, self.mode)[0].format.has_rows

    @property
    def rows(self) -> tuple[tuple[DrawnDeployment, LiveCard], ...]:
        """The table beside the picture; its elements follow those of the picture."""
        return tuple((d, live.again) for d, live in zip(self.group.deployments, self.cards, strict=True))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The picture in every format; the elements of the first one lead."""
        return tuple(self._picture(n, sheet) for n, sheet in enumerate(sheets_of(self.group, self.mode)))

    def _picture(self, n: int, sheet: Sheet) -> Picture:
        leads = n == 0
        titles = ("Fallback groups", "Not answered")[-len(self.exits) :]
        exits = zip(titles, sheet.ends[len(self.cards) :], self.exits, strict=True)
        return Picture(
            sheet,
            self.inflow if leads else self.inflow.again,
            tuple(self._stream(k, sheet, self.paths[n][k], leads=leads) for k in range(len(self.streams))),
            tuple(self._card(index, sheet, leads=leads) for index in range(len(self.cards))),
            tuple(self._link(k, sheet, leads=leads) for k in range(len(self.links))),
            tuple(PlacedExit(title, box, live if leads else live.again) for title, box, live in exits),
        )

    def _stream(self, n: int, sheet: Sheet, path: Element, *, leads: bool) -> PlacedStream:
        live, is_card = self.streams[n], n < len(self.cards)
        colour = self.group.deployments[n].colour if is_card else ""
        return PlacedStream(n, path, sheet.port(sheet.ends[n]), live if leads else live.again, colour)

    def _link(self, n: int, sheet: Sheet, *, leads: bool) -> PlacedLink:
        drop, live = sheet.drops[n], self.links[n]
        x, y = (
            (drop.label_x + 76, drop.label_y)
            if sheet.format.is_upright
            else (sheet.format.card_x - 200, drop.label_y - 21)
        )
        return PlacedLink(drop, x, y, live if leads else LiveLink(*(part.again for part in live)))

    def _card(self, index: int, sheet: Sheet, *, leads: bool) -> PlacedCard:
        deployment, live = self.group.deployments[index], self.cards[index]
        room = 100.0 if sheet.format.has_rows else sheet.format.card_width - 58 - 84
        lead = captions.lead(self.group, self.mode, index)
        tier = str(self.group.priority_of(index)) if self.mode is Mode.ORDERED else lead.removeprefix("Weight ")
        title = captions.fitted(deployment.name, room, 15 if sheet.format.has_rows else 16)
        return PlacedCard(index, deployment, title, lead, tier, sheet.cards[index], live if leads else live.again)
