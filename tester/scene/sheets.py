"""The fixed coordinates: a wide sheet and a narrow one, in user units.

Nothing here changes during a run but where a stream leaves the hub. The wide sheet is horizontal (client, hub, cards
from left to right), with rows instead of cards where there are many; on the narrow one streams run down a spine beside
the cards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from tester.scene.group import DrawnGroup, Mode

ROWS_FROM = 4
GROUP_PAD = 6.0
LOSS_GAP = 8.0
LEAST_HEIGHT = 386.0
# The width of all requests together, in user units of the wide sheet; a share has that share of it.
WIDEST, THINNEST = 44.0, 2.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.y + self.height / 2

    def grown(self, by: float) -> Box:
        """The same with a margin around it."""
        return Box(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)


@dataclass(frozen=True, slots=True)
class Drop:
    """A dashed line down from one tier to the next, with its arrow head and the position of its label."""

    path: str
    head: str
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True)
class Format:
    """One format of the picture. `widest` is the width of the stream of all requests."""

    name: str
    width: float
    client: tuple[float, float]
    hub: tuple[float, float]
    hub_radius: float
    card_x: float
    card_width: float
    card_height: float
    gap: float
    top: float
    is_upright: bool = False
    has_rows: bool = False
    widest: float = WIDEST

    @property
    def halo_radius(self) -> float:
        """The radius of the hub's halo."""
        return self.hub_radius * (1.35 if self.is_upright else 1.75)

    @property
    def stream_scale(self) -> float:
        """Widths and the ends of gradients are those of the wide sheet."""
        return self.widest / WIDEST

    @property
    def loss_height(self) -> float:
        """The height of the card for requests that nobody answered."""
        return self.card_height if self.has_rows else 44.0


CARDS = Format("wide", 884, (52, 104), (226, 104), 44, 525, 346, 96, 18, 6)
ROWS = Format("wide", 1184, (52, 150), (226, 150), 44, 478, 690, 31, 4, 24, has_rows=True)
NARROW = Format("narrow", 366, (30, 15), (30, 70), 25, 70, 286, 92, 24, 108, is_upright=True, widest=36.0)
FAN_HUB_Y = 150.0


@dataclass(frozen=True, slots=True)
class Sheet:
    """All coordinates of one format; `cards` are in the order of the deployments, `drops` in that of tiers."""

    format: Format
    height: float
    client: tuple[float, float]
    hub: tuple[float, float]
    inflow: str
    cards: tuple[Box, ...]
    groups: tuple[Box, ...]
    drops: tuple[Drop, ...]
    loss: Box
    elsewhere: Box | None

    @property
    def ends(self) -> tuple[Box, ...]:
        """Where streams end, from top to bottom: the cards, then what was answered elsewhere, and by nobody."""
        return (*self.cards, *((self.elsewhere,) if self.elsewhere else ()), self.loss)

    def stream(self, box: Box, offset: float) -> str:
        """The path of a stream to a card, whose middle leaves the hub so far from the upper end of all streams."""
        return (_turn if self.format.is_upright else _bend)(self, box, offset * self.format.stream_scale)

    def port(self, box: Box) -> str:
        """The short bar where a stream meets its card."""
        return f"M{box.x - 2:g} {box.middle:g}h4"

    @property
    def gradient_x(self) -> tuple[float, float]:
        """Between these the colour of the hub turns into that of the provider: inside its disc, or before the spine."""
        return self.hub[0] - (40 if self.format.is_upright else 0), self.format.card_x


@lru_cache(maxsize=256)
def sheets_of(group: DrawnGroup, mode: Mode) -> tuple[Sheet, ...]:
    """The picture in every format."""
    wide = ROWS if len(group.deployments) >= ROWS_FROM else CARDS
    tiers = group.tiers(mode)
    order = [n for tier in tiers for n in tier]
    return tuple(_sheet(tiers, order, mode, format, has_elsewhere=group.has_elsewhere) for format in (wide, NARROW))


def _sheet(
    tiers: tuple[tuple[int, ...], ...], order: list[int], mode: Mode, format: Format, *, has_elsewhere: bool
) -> Sheet:
    column = _column(tiers, mode, format)
    groups = [_hull([column[n] for n in tier]) for tier in tiers]
    bottom = groups[-1].bottom if groups else format.top
    elsewhere = _below(bottom, format) if has_elsewhere else None
    loss = _below(elsewhere.bottom if elsewhere else bottom + _pad(tiers[-1:], mode, format), format)
    edges = [box.grown(GROUP_PAD) if _is_framed(tier, mode) else box for tier, box in zip(tiers, groups, strict=True)]
    hub = (format.hub[0], FAN_HUB_Y if mode is Mode.WEIGHTED and not format.is_upright else format.hub[1])
    client = (format.client[0], format.client[1] if format.is_upright else hub[1])
    return Sheet(
        format=format,
        height=max(loss.bottom + 6, 0 if format.is_upright else LEAST_HEIGHT),
        client=client,
        hub=hub,
        inflow=_inflow(client, hub, format),
        cards=tuple(column[n] for n in range(len(order))),
        groups=tuple(edge for tier, edge in zip(tiers, edges, strict=True) if _is_framed(tier, mode)),
        drops=tuple(_drop(above, below, format) for above, below in pairwise(edges)),
        loss=loss,
        elsewhere=elsewhere,
    )


def _is_framed(tier: tuple[int, ...], mode: Mode) -> bool:
    return mode is Mode.ORDERED and len(tier) > 1


def _pad(tiers: tuple[tuple[int, ...], ...], mode: Mode, format: Format) -> float:
    """Room for the frame around the cards of one tier; rows stand in their frame as they are."""
    return GROUP_PAD if any(_is_framed(tier, mode) for tier in tiers) and not format.has_rows else 0.0


def _hull(boxes: list[Box]) -> Box:
    top, bottom = boxes[0].y, boxes[-1].bottom
    return Box(boxes[0].x, top, boxes[0].width, bottom - top)


def _below(bottom: float, format: Format) -> Box:
    return Box(
        format.card_x, bottom + (format.gap if format.has_rows else LOSS_GAP), format.card_width, format.loss_height
    )


def _column(tiers: tuple[tuple[int, ...], ...], mode: Mode, format: Format) -> dict[int, Box]:
    """The cards from top to bottom, by index of their deployment."""
    y, found = format.top, dict[int, Box]()
    for depth, tier in enumerate(tiers):
        pad = _pad((tier,), mode, format)
        y += pad + (format.gap if depth else 0)
        for place, index in enumerate(tier):
            y += (min(10.0, format.gap) if pad else format.gap) if place else 0
            found[index] = Box(format.card_x, y, format.card_width, format.card_height)
            y += format.card_height
        y += pad
    return found


def _inflow(client: tuple[float, float], hub: tuple[float, float], format: Format) -> str:
    (cx, cy), (hx, hy) = client, hub
    return f"M{cx:g} {cy:g}V{hy:g}" if format.is_upright else f"M{cx + 35:g} {hy:g}H{hx:g}"


def _bend(sheet: Sheet, box: Box, offset: float) -> str:
    """From inside the hub's disc in one curve to the left edge of a card."""
    x0, y0 = sheet.hub[0] + 20, sheet.hub[1] - sheet.format.widest / 2 + offset
    x1, y1 = box.x, box.middle
    bend = (x0 + x1) / 2
    return f"M{x0:g} {_half(y0)}C{bend:g} {_half(y0)} {bend:g} {y1:g} {x1:g} {y1:g}"


def _turn(sheet: Sheet, box: Box, offset: float) -> str:
    """Down the spine, and around a corner into a card; the first one has the lane next to the cards."""
    x0, y0 = sheet.hub[0] + sheet.format.widest / 2 - offset, sheet.hub[1]
    x1, y1 = box.x, box.middle
    turn = min(x1 - x0, y1 - y0)
    return f"M{_half(x0)} {y0:g}V{_half(y1 - turn)}Q{_half(x0)} {y1:g} {_half(x0 + turn)} {y1:g}H{x1:g}"


def _half(value: float) -> str:
    """In steps of a half: smaller differences are invisible and need no patch."""
    return f"{round(value * 2) / 2:g}"


def _drop(above: Box, below: Box, format: Format) -> Drop:
    x = format.card_x + (46 if format.has_rows else 31)
    begins, ends = above.bottom, below.y
    head = f"M{x - 5:g} {ends - 7:g}h10l-5 7z"
    return Drop(f"M{x:g} {begins:g}V{max(begins, ends - 6):g}", head, x + 14, (begins + ends) / 2)
