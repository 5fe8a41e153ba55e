"""A column of a finished request is declared once; wherever else it is spelled, it is the same."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace

import pytest

from access.keys import KeyHolder
from access.models import Role
from engine.ledger import Trace
from gateway import records
from gateway.exchange import Exchange
from usage.api.requests import FIELDS
from usage.models import RequestRecord, UsageBucket, UsageSeries
from usage.request_log import finished, packing
from usage.request_log.csv_export import REQUEST_COLUMNS
from usage.request_log.log_columns import COLUMNS, COUNTS
from usage.rollups import tallies

NAMES = {column.name for column in COLUMNS}
OF_SERIES = {column.name for column in COLUMNS if column.is_of_series}
SUMMED = {column.name for column in COLUMNS if column.is_summed}


def columns_of(model: type[RequestRecord | UsageSeries | UsageBucket]) -> set[str]:
    return {field.attname for field in model._meta.concrete_fields}


def test_the_log_has_each_column_once():
    assert len(NAMES) == len(COLUMNS)
    assert columns_of(RequestRecord) == NAMES


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> records.FinishedExchange:
    kept: list[records.FinishedExchange] = []
    monkeypatch.setattr(records, "recorder", SimpleNamespace(put=kept.append))
    records.record(Exchange("chat/completions", KeyHolder("ann", Role.VIEWER), Trace("c", "g")))
    return kept[0]


def test_all_that_the_log_needs_of_an_exchange_is_kept(ended: records.FinishedExchange):
    assert [field.name for field in fields(ended) if not hasattr(ended, field.name)] == []


def test_what_is_handed_over_and_what_is_written_have_the_columns_in_one_order(ended: records.FinishedExchange):
    assert set(finished.COLUMNS) == NAMES
    assert tuple(field.name for field in fields(packing.LogRow)) == finished.COLUMNS
    assert [name for name in finished.COLUMNS if not hasattr(ended.row(), name)] == []


def test_series_are_told_apart_by_what_says_so():
    assert set(tallies.Series._fields) == OF_SERIES
    assert columns_of(UsageSeries) == {"id", "hash"} | OF_SERIES


def test_buckets_add_up_what_says_so():
    assert set(tallies.SUMS) == SUMMED | set(COUNTS)
    assert columns_of(UsageBucket) == {"grain", "start", "series_id"} | set(tallies.SUMS)


def test_the_api_and_the_file_have_names_of_their_own_once():
    assert list(REQUEST_COLUMNS)[:2] == ["time_utc", "call_id"]
    assert len(REQUEST_COLUMNS) == sum(bool(column.csv) for column in COLUMNS)
    assert NAMES - set(FIELDS) == {"attempts", "skipped"}
