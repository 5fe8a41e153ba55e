"""Requests are summed up as they are written: once, by any process and any number of writes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from django.core.management import call_command

from tests.usage.log import finished, log
from usage.models import Grain, LatencyCount, RequestRecord, UsageBucket, UsageSeries
from usage.rollups.rebuilding import sum_up_month
from usage.rollups.tallies import start_of

pytestmark = pytest.mark.django_db


def buckets(grain: str) -> list[tuple[str, int, int]]:
    rows = UsageBucket.objects.filter(grain=grain).order_by("start", "series__owner")
    return [(f"{row.start:%d %H}", row.requests, row.input_tokens) for row in rows]


def everything() -> tuple[list[Mapping[str, object]], list[Mapping[str, object]]]:
    order = ("grain", "start", "series__hash")
    sums = UsageBucket.objects.order_by(*order).values()
    return list(sums), list(LatencyCount.objects.order_by(*order, "level").values())


def test_hours_and_days_are_utc():
    log(*(finished(at=f"2030-01-{moment}", input_tokens=5) for moment in ("01T00:00", "01T23:59", "02T00:00")))
    assert buckets("hour") == [("01 00", 1, 5), ("01 23", 1, 5), ("02 00", 1, 5)]
    assert buckets("day") == [("01 00", 2, 10), ("02 00", 1, 5)]


def test_months_are_summed_up_with_their_days():
    log(*(finished(at=f"2030-{day}T10:00", input_tokens=5) for day in ("01-01", "01-31", "02-01")))
    assert buckets("mon") == [("01 00", 2, 10), ("01 00", 1, 5)]
    assert [row.count for row in LatencyCount.objects.filter(grain=Grain.MONTH).order_by("start")] == [2, 1]


def test_months_can_be_made_from_their_days():
    log(*(finished(owner=f"owner-{n % 3}", days_ago=n * 7, input_tokens=n, cost_usd=0.5) for n in range(20)))
    before = everything()
    UsageBucket.objects.filter(grain=Grain.MONTH).delete()
    LatencyCount.objects.filter(grain=Grain.MONTH).update(count=7)
    for month in {start_of(start, Grain.MONTH) for start in UsageBucket.objects.values_list("start", flat=True)}:
        sum_up_month(month)
    assert everything() == before


def test_a_batch_adds_to_what_is_there():
    for _ in range(3):
        log(finished(at="2030-01-01T10:00", input_tokens=5, duration_ms=100.0))
    assert buckets("hour") == [("01 10", 3, 15)]
    assert LatencyCount.objects.get(grain="day").count == 3


def test_a_batch_that_comes_again_is_not_counted_again():
    record = finished("once", at="2030-01-01T10:00")
    log(record, record)
    log(record, finished("two", at="2030-01-01T10:00"))
    assert set(RequestRecord.objects.values_list("call_id", flat=True)) == {"once", "two"}
    assert buckets("hour") == [("01 10", 2, 0)]
    assert buckets("day") == [("01 00", 2, 0)]


@pytest.mark.parametrize(
    ("status", "attempts", "column"),
    [
        (200, [], "successes"),
        (502, [], "failures"),
        (429, [{"status": "error"}], "failures"),
        (401, [{"status": "error"}], "failures"),
        (429, [], "refused"),
        (402, [], "refused"),
        (400, [{"status": "error"}], "refused"),
        (499, [{"status": "cancelled"}], "left"),
    ],
)
def test_whose_fault_it_was(status, attempts, column):
    log(finished(status=status, attempts=attempts))
    day = UsageBucket.objects.get(grain=Grain.DAY)
    counts = {name: getattr(day, name) for name in ("successes", "failures", "refused", "left")}
    assert counts == {**dict.fromkeys(counts, 0), column: 1}
    assert LatencyCount.objects.exists() == (column == "successes")


def test_a_group_that_cools_down_as_a_whole_counts_as_failed():
    log(finished(status=429, error_class="all_cooling_down"))
    assert UsageBucket.objects.get(grain=Grain.DAY).failures == 1


def test_a_series_is_one_combination():
    log(finished(owner="a"), finished(owner="a"), finished(owner="b"), finished(owner="a", is_own_key=True))
    assert UsageSeries.objects.count() == 3
    assert {len(name) for name in UsageSeries.objects.values_list("hash", flat=True)} == {64}


def test_text_that_is_too_long_loses_its_end():
    log(finished("long", deployment_name="d" * 600, error_class="é" * 70))
    record = RequestRecord.objects.get(pk="long")
    assert (len(record.deployment_name), record.error_class) == (512, "é" * 64)
    assert UsageSeries.objects.get().deployment_name == "d" * 512


def test_the_number_of_statements_does_not_grow(django_assert_max_num_queries):
    with django_assert_max_num_queries(11):
        log(*(finished(owner=f"owner-{n % 7}", at=f"2030-01-01T{n % 24:02}:00") for n in range(200)))


def test_rebuilding_finds_the_same(capsys):
    log(*(finished(owner=f"owner-{n % 3}", days_ago=n / 10, input_tokens=n, cost_usd=0.5) for n in range(40)))
    before = everything()
    days = UsageBucket.objects.filter(grain=Grain.DAY).values("start").distinct().count()
    UsageBucket.objects.filter(series__owner="owner-1").delete()
    call_command("rebuild_usage")
    assert everything() == before
    assert f"{days} days" in capsys.readouterr().out


def test_rebuilding_leaves_alone_what_the_log_does_not_have_any_more():
    log(finished("gone", days_ago=40), finished("kept", days_ago=3), finished("newer", days_ago=1))
    RequestRecord.objects.filter(pk="gone").delete()
    before = everything()
    call_command("rebuild_usage")
    assert everything() == before
