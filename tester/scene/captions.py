"""The captions of the picture: the name of the mode, the routing criterion, a description."""

from __future__ import annotations

from engine.spec import Strategy
from tester.scene.group import DrawnGroup, Mode, mode_of

ORDERED = "Ordered Fallback"
BADGES = {
    Strategy.PRIORITY_FAILOVER: "Weighted Round-Robin",
    Strategy.WEIGHTED: "Weighted Round-Robin",
    Strategy.SIMPLE_SHUFFLE: "Round Robin",
    Strategy.LEAST_BUSY: "Least Busy",
    Strategy.LATENCY_BASED: "Latency-Based",
    Strategy.COST_BASED: "Cost-Based",
    Strategy.USAGE_BASED: "Usage-Based",
}
DECIDES = {
    Strategy.PRIORITY_FAILOVER: "by weight",
    Strategy.WEIGHTED: "by weight",
    Strategy.SIMPLE_SHUFFLE: "evenly",
    Strategy.LEAST_BUSY: "least busy first",
    Strategy.LATENCY_BASED: "fastest first",
    Strategy.COST_BASED: "cheapest first",
    Strategy.USAGE_BASED: "least used first",
}
CHAIN = (
    "Traffic flows to the primary provider first. When a request fails, it cascades down the priority chain. "
    "Thicker streams = more traffic. Dashed red lines show the fallback path."
)
FANS = {
    Strategy.WEIGHTED: "Traffic is distributed across providers based on weights. Thicker streams = more traffic. "
    "Adjust weights in the routing group settings.",
    Strategy.SIMPLE_SHUFFLE: "Traffic is spread evenly across providers. Thicker streams = more traffic.",
    Strategy.LEAST_BUSY: "Each request goes to the provider with the fewest requests in flight. "
    "Thicker streams = more traffic.",
    Strategy.LATENCY_BASED: "Each request goes to the provider that has answered fastest. "
    "Thicker streams = more traffic.",
    Strategy.COST_BASED: "Each request goes to the cheapest provider that is available. "
    "Thicker streams = more traffic.",
    Strategy.USAGE_BASED: "Each request goes to the provider with the most room under its limits. "
    "Thicker streams = more traffic.",
}
PREVIEW = "A preview: this group routes {}, and the numbers are those of that routing. "
ROUTES = {Mode.ORDERED: "by priority", Mode.WEIGHTED: "without an order"}


def badge(group: DrawnGroup, mode: Mode) -> str:
    """The name of the picture."""
    return ORDERED if mode is Mode.ORDERED else BADGES[group.strategy]


def decides(group: DrawnGroup, mode: Mode) -> str:
    """The routing criterion in a few words; it is below the hub."""
    return "by priority" if mode is Mode.ORDERED else DECIDES[group.strategy]


def info(group: DrawnGroup, mode: Mode) -> str:
    """The sentences below the picture."""
    own = mode_of(group.strategy)
    text = CHAIN if mode is Mode.ORDERED else FANS.get(group.strategy, FANS[Strategy.WEIGHTED])
    return text if own is mode else PREVIEW.format(ROUTES[own]) + text


def lead(group: DrawnGroup, mode: Mode, index: int) -> str:
    """The text before the latency on a card: its position, its weight, or its provider if the name does not contain
    it."""
    if mode is Mode.ORDERED:
        return f"Priority {group.priority_of(index)}"
    if group.strategy in (Strategy.WEIGHTED, Strategy.PRIORITY_FAILOVER):
        return f"Weight {group.weights()[index]}"
    deployment = group.deployments[index]
    return "" if deployment.name == deployment.provider else fitted(deployment.provider, 84, 13)


def description(group: DrawnGroup, mode: Mode) -> str:
    """The picture in a sentence, for people who can't see it."""
    names = [d.name for d in group.deployments]
    if mode is Mode.WEIGHTED:
        return f"A client, the router, and {len(names)} streams to {', '.join(names)}. The table has the numbers."
    tiers = (" and ".join(names[n] for n in tier) for tier in group.tiers(mode))
    return f"A client, the router, and a chain: {', then '.join(tiers)}. The table has the numbers."


WIDE, NARROW = "mwMW@%&—", "iljtfrI1.,:;'|!()[]- "


def fitted(text: str, width: float, size: float) -> str:
    """The text, or its beginning and an ellipsis, within about this many units at this font size.

    SVG can't truncate text; glyph widths are Inter's in four classes, rounded up.
    """
    room = width / size
    for end, glyph in enumerate(text):
        room -= _glyph_width(glyph)
        if room < 0:
            return text[: max(1, end - 1)].rstrip() + "…"
    return text


def _glyph_width(glyph: str) -> float:
    """In em."""
    if glyph in NARROW:
        return 0.34
    if glyph in WIDE or ord(glyph) > 0x2E80:
        return 1.0
    return 0.72 if glyph.isupper() else 0.6
