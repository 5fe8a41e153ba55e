"""The curve of the latest probes."""

from __future__ import annotations

from pages.providers.views import HEIGHT, MARGIN, WIDTH, ProbeMark, sparkline_of
from providers.models import Probe


def probe(latency_ms: float, *, is_ok: bool = True) -> Probe:
    return Probe(latency_ms=latency_ms, is_ok=is_ok)


def test_the_slowest_touches_the_top_and_each_probe_takes_the_same_width():
    line = sparkline_of([probe(50), probe(100), probe(0)])
    middle, bottom = HEIGHT / 2, float(HEIGHT - MARGIN)
    assert line.pieces == (f"{MARGIN}.0,{middle} {WIDTH / 2},{MARGIN}.0 {WIDTH - MARGIN}.0,{bottom}",)
    assert (line.slowest_ms, line.count, line.failures) == (100, 3, ())


def test_a_failure_breaks_the_curve_and_is_marked():
    line = sparkline_of([probe(10), probe(900, is_ok=False), probe(10)])
    assert len(line.pieces) == 2
    assert line.failures == (ProbeMark(WIDTH / 2, HEIGHT - MARGIN),)
    assert line.slowest_ms == 10


def test_a_lone_point_is_a_line_to_itself_and_none_is_nothing():
    (piece,) = sparkline_of([probe(10)]).pieces
    assert len(set(piece.split())) == 1
    assert sparkline_of([]).pieces == ()
    assert sparkline_of([probe(1, is_ok=False)]).slowest_ms == 0
