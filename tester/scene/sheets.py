"""The fixed coordinates: three sheets for three widths of the page, in user units.

Nothing here changes during a run. Two are horizontal (client, hub, cards from left to right), the narrow one is
vertical.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from tester.scene.group import DrawnGroup, Mode

COMPACT_FROM = 6
GROUP_PAD = 10
PILL_HEIGHT = 24
EXIT_DROP = 22


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
class StreamPath:
    """A stream's path, the ends of its gradient, and the short bar at its card."""

    path: str
    x1: float
    y1: float
    x2: float
    y2: float
    port: str


@dataclass(frozen=True, slots=True)
class Drop:
    """A dashed line down from one tier to the next, with its arrow head and the position of its label."""

    path: str
    head: str
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True)
class Format:
    """One format of the picture. `stream_scale` shrinks streams that run beside the cards."""

    name: str
    width: float
    client: tuple[float, float]
    hub: tuple[float, float]
    hub_radius: float
    card_x: float
    card_width: float
    disc_x: float
    is_upright: bool = False
    stream_scale: float = 1.0

    @property
    def halo_radius(self) -> float:
        """The radius of the hub's halo."""
        return self.hub_radius * (1.35 if self.is_upright else 2.2)

    @property
    def bar_width(self) -> float:
        """The width of a card's bar between its margins."""
        return self.card_width - 36


WIDE = Format("wide", 1080, (78, 0), (350, 0), 50, 652, 388, 42)
MEDIUM = Format("medium", 740, (52, 0), (216, 0), 44, 372, 356, 40)
NARROW = Format("narrow", 380, (46, 40), (46, 150), 34, 78, 290, 32, is_upright=True, stream_scale=0.5)
FORMATS = (WIDE, MEDIUM, NARROW)


@dataclass(frozen=True, slots=True)
class Sheet:
    """All coordinates of one format; `cards`, `streams` are in the order of the deployments, `drops` in that of tiers.

    A deployment without a stream from the hub (a later tier) has None there.
    """

    format: Format
    height: float
    is_compact: bool
    client: tuple[float, float]
    inflow: StreamPath
    hub: tuple[float, float]
    cards: tuple[Box, ...]
    streams: tuple[StreamPath | None, ...]
    groups: tuple[Box, ...]
    drops: tuple[Drop, ...]
    exit: Drop

    @property
    def has_room(self) -> bool:
        """Whether a corner below the hub is free."""
        return self.height - self.hub[1] - self.format.hub_radius > 290


@lru_cache(maxsize=256)
def sheets_of(group: DrawnGroup, mode: Mode) -> tuple[Sheet, ...]:
    """The picture in every format."""
    return tuple(_sheet(group.tiers(mode), len(group.deployments), mode, format) for format in FORMATS)


def _sheet(tiers: tuple[tuple[int, ...], ...], count: int, mode: Mode, format: Format) -> Sheet:
    is_compact = count >= COMPACT_FROM and not format.is_upright
    column = _column(tiers, mode, format, is_compact)
    cards = tuple(column[n] for n in range(count))
    groups = [_hull([column[n] for n in tier]) for tier in tiers]
    first = groups[0] if groups else Box(format.card_x, 100, format.card_width, 100)
    last = groups[-1] if groups else first
    hub = (format.hub[0], format.hub[1] or first.middle)
    client = (format.client[0], format.client[1] or hub[1])
    edges = [_edge(tier, group) for tier, group in zip(tiers, groups, strict=True)]
    streams = dict(zip(tiers[0], _streams([column[n] for n in tiers[0]], hub, format), strict=True)) if tiers else {}
    leaves = _exit_below(edges[-1] if edges else last, format) if mode is Mode.ORDERED else _exit_at(hub, format)
    return Sheet(
        format=format,
        height=max(last.bottom + (EXIT_DROP + 50 if mode is Mode.ORDERED else 36), _least_height(hub, mode, format)),
        is_compact=is_compact,
        client=client,
        inflow=_inflow(client, hub, format),
        hub=hub,
        cards=cards,
        streams=tuple(streams.get(n) for n in range(count)),
        groups=tuple(edge for tier, edge in zip(tiers, edges, strict=True) if _is_grouped(tier, mode)),
        drops=tuple(_drop(above, below, format) for above, below in pairwise(edges)),
        exit=leaves,
    )


def _is_grouped(tier: tuple[int, ...], mode: Mode) -> bool:
    return mode is Mode.ORDERED and len(tier) > 1


def _edge(tier: tuple[int, ...], group: Box) -> Box:
    """The edges where lines between tiers begin and end: of the frame around several cards, or of the one card."""
    return group.grown(GROUP_PAD) if len(tier) > 1 else group


def _hull(boxes: list[Box]) -> Box:
    top, bottom = boxes[0].y, boxes[-1].bottom
    return Box(boxes[0].x, top, boxes[0].width, bottom - top)


def _column(tiers: tuple[tuple[int, ...], ...], mode: Mode, format: Format, is_compact: bool) -> dict[int, Box]:
    """The cards from top to bottom, by index of their deployment."""
    height = 68.0 if is_compact else 112.0
    gap = 12.0 if is_compact or _is_grouped(tiers[0] if tiers else (), mode) else 24.0
    border = 38.0 if is_compact else 54.0
    y, found = _top(tiers, mode, format, height, gap), {}
    for depth, tier in enumerate(tiers):
        pad = GROUP_PAD if _is_grouped(tier, mode) else 0
        y += pad + (border if depth else 0)
        for place, index in enumerate(tier):
            y += (12.0 if pad else gap) if place else 0
            found[index] = Box(format.card_x, y, format.card_width, height)
            y += height
        y += pad
    return found


def _top(tiers: tuple[tuple[int, ...], ...], mode: Mode, format: Format, height: float, gap: float) -> float:
    """The top of the first card: the hub beside the first tier needs room above and below."""
    if format.is_upright:
        return format.hub[1] + format.hub_radius + 34
    first = len(tiers[0]) if tiers else 1
    half = (first * height + (first - 1) * gap) / 2
    least = 100 if mode is Mode.ORDERED else format.hub_radius + 126
    return max(40.0, least - half)


def _least_height(hub: tuple[float, float], mode: Mode, format: Format) -> float:
    if format.is_upright:
        return 0
    return hub[1] + format.hub_radius + (126 if mode is Mode.WEIGHTED else 60)


def _inflow(client: tuple[float, float], hub: tuple[float, float], format: Format) -> StreamPath:
    (cx, cy), (hx, hy) = client, hub
    if format.is_upright:
        scale = 1 / format.stream_scale
        x, y1, y2 = hx * scale, (cy + 26) * scale, hy * scale
        return StreamPath(f"M{x:g} {y1:g}V{y2:g}", x, y1, x, y2, "")
    x1 = cx + 38
    return StreamPath(f"M{x1:g} {hy:g}H{hx:g}", x1, hy, hx, hy, "")


def _streams(boxes: list[Box], hub: tuple[float, float], format: Format) -> list[StreamPath]:
    lay = _lane if format.is_upright else _bend
    return [lay(box, place, len(boxes), hub, format) for place, box in enumerate(boxes)]


def _bend(box: Box, place: int, count: int, hub: tuple[float, float], format: Format) -> StreamPath:
    """From inside the hub's disc in one curve to the left edge of a card."""
    hub_x, hub_y = hub
    spread = format.hub_radius * 0.5
    y1 = hub_y + (spread * (2 * place / (count - 1) - 1) if count > 1 else 0)
    x1, x2, y2 = hub_x + format.hub_radius * 0.3, box.x, box.middle
    bend = x1 + (x2 - x1) * 0.52
    path = f"M{x1:g} {y1:g}C{bend:.1f} {y1:.1f} {bend:.1f} {y2:g} {x2:g} {y2:g}"
    return StreamPath(path, x1, y1, x2, y2, f"M{x2 - 3:g} {y2:g}h4")


def _lane(box: Box, place: int, count: int, hub: tuple[float, float], format: Format) -> StreamPath:
    """Down a lane beside the cards, then around a corner; the first card has the lane next to it."""
    scale = 1 / format.stream_scale
    step = min(13.0, 38 / max(1, count - 1))
    x1 = (hub[0] + (10 - step * place if count > 1 else 0)) * scale
    y1, x2, y2 = hub[1] * scale, box.x * scale, box.middle * scale
    turn = x2 - x1
    path = f"M{x1:.1f} {y1:g}V{y2 - turn:g}C{x1:.1f} {y2 - turn * 0.4:.1f} {x1 + turn * 0.4:.1f} {y2:g} {x2:g} {y2:g}"
    return StreamPath(path, x1, y1, x2, y2, f"M{x2 - 4:g} {y2:g}h6")


def _drop(above: Box, below: Box, format: Format) -> Drop:
    return _down(format.card_x + format.disc_x, above.bottom, below.y)


def _exit_below(last: Box, format: Format) -> Drop:
    return _leading_to_pill(format.card_x + format.disc_x, 26, last.bottom)


def _exit_at(hub: tuple[float, float], format: Format) -> Drop:
    x, y = hub
    if format.is_upright:
        begins, ends = x + format.hub_radius + 8, x + format.hub_radius + 38
        return Drop(f"M{begins:g} {y:g}H{ends - 6:g}", f"M{ends - 8:g} {y - 5:g}v10l8 -5z", ends + 6, y)
    return _leading_to_pill(x, 62, y + format.hub_radius + 36)


def _leading_to_pill(x: float, pill_left: float, begins: float) -> Drop:
    ends = begins + EXIT_DROP
    down = _down(x, begins, ends)
    return Drop(down.path, down.head, x - pill_left, ends + PILL_HEIGHT / 2 + 3)


def _down(x: float, begins: float, ends: float) -> Drop:
    head = f"M{x - 5:g} {ends - 8:g}h10l-5 8z"
    return Drop(f"M{x:g} {begins:g}V{ends - 6:g}", head, x + 18, (begins + ends) / 2)
