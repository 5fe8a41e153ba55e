"""Charts are geometry: where points, bars and labels go, for much, little and nothing."""

from __future__ import annotations

import random

import pytest

from pages.traffic.charts import HEAD, PLOT_HEIGHT, WIDTH, BarRow, ChartPoint, bar_chart, line_chart, scale


def readings(*values: float) -> list[ChartPoint]:
    return [ChartPoint(f"day {n}", f"day {n}: {value}", (value,)) for n, value in enumerate(values)]


def test_a_curve_goes_from_edge_to_edge_and_its_area_back_along_the_bottom():
    curve = line_chart(readings(0, 4, 2)).curves[0]
    assert curve.line == f"M0 {PLOT_HEIGHT}L500 0L1000 95"
    assert curve.area == f"{curve.line}L{WIDTH} {PLOT_HEIGHT}L0 {PLOT_HEIGHT}Z"


def test_every_value_of_a_reading_is_a_curve_of_its_own_on_one_axis():
    chart = line_chart([ChartPoint("a", "", (4, 1)), ChartPoint("b", "", (4, 2))])
    assert [curve.line for curve in chart.curves] == ["M0 0L1000 0", "M0 142.5L1000 95"]


def test_a_single_reading_is_a_dot_in_the_middle():
    chart = line_chart(readings(3))
    assert chart.curves[0].line.startswith("M500 ")
    assert chart.curves[0].area == ""
    assert [(tick.at, tick.anchor) for tick in chart.x_ticks] == [(50, "middle")]
    assert [(column.x, column.width) for column in chart.columns] == [(0, 100)]


def test_nothing_has_axes_and_no_curve():
    chart = line_chart([])
    assert (chart.curves, chart.columns, chart.x_ticks) == ((), (), ())
    assert [tick.text for tick in chart.y_ticks] == ["0", "1"]


def test_zeros_lie_on_the_ground():
    assert line_chart(readings(0, 0)).curves[0].line == f"M0 {PLOT_HEIGHT}L1000 {PLOT_HEIGHT}"


@pytest.mark.parametrize(
    ("largest", "top", "step"),
    [(0, 1, 1), (1, 1, 1), (3, 3, 1), (4, 4, 1), (5, 6, 2), (10, 10, 5), (41, 60, 20), (1234, 1500, 500)],
)
def test_an_axis_of_counts_has_a_few_whole_steps(largest, top, step):
    assert scale(largest) == (top, step)


def test_an_axis_of_money_has_steps_as_small_as_wanted():
    top, step = scale(0.0034, least_step=0.0001)
    assert (round(top, 6), round(step, 6)) == (0.004, 0.001)


def test_an_axis_holds_what_it_must_in_at_most_five_steps():
    rng = random.Random(7)
    for _ in range(500):
        largest = 10 ** rng.uniform(-4, 9)
        top, step = scale(largest, least_step=1e-6)
        assert largest <= top * (1 + 1e-9)
        assert 1 <= round(top / step) <= 5


def test_labels_are_few_flush_with_the_edges_and_every_second_may_go():
    ticks = line_chart(readings(*range(90))).x_ticks
    assert len(ticks) <= 7
    assert (ticks[0].anchor, ticks[0].at) == ("start", 0)
    assert [tick.is_minor for tick in ticks] == [n % 2 > 0 for n in range(len(ticks))]


def test_columns_cover_the_plot_and_each_is_read_around_its_point():
    columns = line_chart(readings(1, 2, 3, 4)).columns
    assert columns[0].x == 0
    assert sum(column.width for column in columns) == pytest.approx(100, abs=0.01)
    assert [round(column.x + column.width / 2) for column in columns[1:-1]] == [33, 67]


def test_ticks_of_the_y_axis_stand_at_their_values():
    ticks = line_chart(readings(0, 4)).y_ticks
    assert (ticks[0].at, ticks[0].text) == (HEAD + PLOT_HEIGHT, "0")
    assert (ticks[-1].at, ticks[-1].text) == (HEAD, "4")


def test_bars_are_measured_by_the_longest_or_by_a_given_whole():
    rows = [BarRow("a", 50, "50"), BarRow("b", 25, "25")]
    assert [bar.length for bar in bar_chart(rows).bars] == [100, 50]
    assert [bar.length for bar in bar_chart(rows, whole=200).bars] == [25, 12.5]


def test_a_filled_part_ends_within_its_bar():
    bar = bar_chart([BarRow("a", 80, "", filled=20), BarRow("b", 40, "", filled=90)]).bars
    assert [(b.length, b.filled) for b in bar] == [(100, 25), (50, 50)]


def test_a_little_is_seen_and_nothing_is_not():
    bars = bar_chart([BarRow("much", 1e6, ""), BarRow("little", 1, ""), BarRow("nothing", 0, "")]).bars
    assert bars[1].length > 0
    assert bars[2].length == 0
    assert [bar.length for bar in bar_chart([BarRow("free", 0, "$0")]).bars] == [0]


def test_a_long_name_is_cut_and_its_title_is_not():
    name = "a-very-long-name-of-a-model/" * 20
    bar = bar_chart([BarRow(name, 1, "1")]).bars[0]
    assert bar.name.endswith("…")
    assert len(bar.name) <= 28
    assert name in bar.title
