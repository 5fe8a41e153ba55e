"""The curve of a provider's latest probes: coordinates for an SVG. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from providers.models import Probe

WIDTH, HEIGHT, MARGIN = 640, 96, 8


@dataclass(frozen=True, slots=True)
class Mark:
    """A probe that failed, at its place on the base line."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Pieces of curve between failures, as `points` of polylines, in a box of WIDTH x HEIGHT; slowest at the top."""

    pieces: tuple[str, ...]
    failures: tuple[Mark, ...]
    slowest_ms: float
    count: int
    width: int = WIDTH
    height: int = HEIGHT


def sparkline_of(probes: Sequence[Probe]) -> Sparkline:
    """The probes, oldest first; each takes the same width."""
    slowest = max((probe.latency_ms for probe in probes if probe.is_ok), default=0.0)
    step = (WIDTH - 2 * MARGIN) / max(1, len(probes) - 1)
    places = [(round(MARGIN + n * step, 1), _y(probe, slowest)) for n, probe in enumerate(probes)]
    pieces: list[list[str]] = [[]]
    for probe, (x, y) in zip(probes, places, strict=True):
        if probe.is_ok:
            pieces[-1].append(f"{x},{y}")
        else:
            pieces.append([])
    failures = tuple(Mark(*place) for probe, place in zip(probes, places, strict=True) if not probe.is_ok)
    return Sparkline(tuple(" ".join(_line(piece)) for piece in pieces if piece), failures, slowest, len(probes))


def _y(probe: Probe, slowest_ms: float) -> float:
    share = probe.latency_ms / slowest_ms if probe.is_ok and slowest_ms else 0.0
    return round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN), 1)


def _line(piece: list[str]) -> list[str]:
    """A lone point is drawn as well: as a line to itself, with round ends."""
    return piece * 2 if len(piece) == 1 else piece
