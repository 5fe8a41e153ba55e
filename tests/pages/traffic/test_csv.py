"""CSV that a spreadsheet opens without computing what a caller typed."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from datetime import timezone as offset
from typing import Any

import pytest
from django.utils import timezone

from tests.page import signed_in
from tests.usage.log import finished, log
from usage.request_log import csv_export
from usage.request_log.csv_export import csv_lines, safe


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    "typed", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1", '=HYPERLINK("http://x";"y")']
)
def test_what_begins_like_a_formula_is_text(typed):
    assert read(csv_lines([[typed, "next"]])) == [["'" + typed, "next"]]


def test_numbers_stay_numbers_also_negative_ones():
    cells = read(csv_lines([[-3, 1_000_000, -0.000000125, 12.5, 1e-12]]))[0]
    assert cells == ["-3", "1000000", "-0.000000125", "12.5", "0"]


def test_names_with_commas_quotes_and_line_breaks_come_back_as_they_were():
    names = ["a,b", 'say "hi"', "two\nlines", "naïve 🦄", "a=b", "it's"]
    assert read(csv_lines([names])) == [names]


def test_moments_are_utc_truths_are_words_and_nothing_is_empty():
    at = datetime(2026, 3, 1, 1, 30, 0, 123456, tzinfo=offset(timedelta(hours=2)))
    assert read(csv_lines([[at, True, False, None]]))[0] == ["2026-02-28 23:30:00.123", "yes", "no", ""]
    assert safe(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01 00:00:00.000"


def test_half_a_surrogate_pair_breaks_no_file():
    assert read(csv_lines([["\ud83e"]])) == [["?"]]


page = signed_in("charlie")


def lines_of(answer: Any) -> list[list[str]]:
    with pytest.warns(Warning, match="asynchronous"):  # the client of the tests is a synchronous one
        return read(b"".join(answer))


def rows_of(answer: Any) -> list[dict[str, str]]:
    lines = lines_of(answer)
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


@pytest.mark.django_db
def test_every_request_is_a_line_oldest_first(page):
    log(finished("b", owner="bob", cost_usd=0.25, score=-3), finished("a", days_ago=2, status=503, is_stream=True))
    answer = page.get("/usage/requests.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert f"-to-{timezone.now():%Y-%m-%d}.csv" in answer["Content-Disposition"]
    lines = rows_of(answer)
    assert [line["call_id"] for line in lines] == ["a", "b"]
    assert (lines[0]["status"], lines[0]["stream"], lines[0]["list_price_usd"]) == ("503", "yes", "")
    assert (lines[1]["user"], lines[1]["list_price_usd"], lines[1]["score"]) == ("bob", "0.25", "-3")


@pytest.mark.django_db
def test_more_requests_than_are_read_at_once_are_all_there_once(page, monkeypatch):
    monkeypatch.setattr(csv_export, "ROWS_AT_ONCE", 4)
    log(*(finished(f"{n:02}", at=f"{timezone.now():%Y-%m-%dT%H:00}") for n in range(10)))
    assert [line["call_id"] for line in rows_of(page.get("/usage/requests.csv?period=7d"))] == [
        f"{n:02}" for n in range(10)
    ]


@pytest.mark.django_db
def test_the_filters_of_the_page_hold_for_its_files(page):
    log(finished("a", team="Red", days_ago=1), finished("b", team="Blue"), finished("c", team="Red", days_ago=20))
    lines = rows_of(page.get("/usage/requests.csv?team=Red&period=7d"))
    assert [line["call_id"] for line in lines] == ["a"]
    assert [line["team"] for line in rows_of(page.get("/usage/costs.csv?team=Blue"))] == ["Blue"]


@pytest.mark.django_db
def test_units_have_columns_of_their_own(page):
    log(finished(provider="P", unit="second", units=12.5), finished(provider="P", unit="image", units=3.0))
    (line,) = rows_of(page.get("/usage/costs.csv"))
    assert [line[name] for name in ("searches", "images", "characters", "seconds")] == ["0", "3", "0", "12.5"]
    units = [(row["units"], row["unit"]) for row in rows_of(page.get("/usage/requests.csv"))]
    assert sorted(units) == [("12.5", "second"), ("3", "image")]


@pytest.mark.django_db
def test_costs_are_summed_by_day_provider_model_team_and_key(page):
    key: dict[str, Any] = {
        "provider": "OpenAI",
        "model": "gpt-4o",
        "team": "Red",
        "key_id": "k",
        "key_name": "=cmd|' /C calc'!A0",
    }
    log(
        *(finished(at="2026-01-05T10:00", cost_usd=0.5, input_tokens=10, output_tokens=1, **key) for _ in range(3)),
        finished(at="2026-01-05T23:59", cost_usd=0.25, is_own_key=True, **key),
        finished(at="2026-01-06T00:00", cost_usd=1.0, **key),
    )
    first, second = rows_of(page.get("/usage/costs.csv?period=all"))
    assert (first["day_utc"], first["requests"], first["cost_usd"], first["saved_usd"]) == (
        "2026-01-05",
        "4",
        "1.5",
        "0.25",
    )
    assert (first["input_tokens"], first["model"], first["key"]) == ("30", "gpt-4o", "'=cmd|' /C calc'!A0")
    assert (second["day_utc"], second["cost_usd"]) == ("2026-01-06", "1")


@pytest.mark.django_db
def test_an_empty_log_is_a_line_of_headings(page):
    assert len(lines_of(page.get("/usage/requests.csv"))) == 1
    assert len(lines_of(page.get("/usage/costs.csv"))) == 1


@pytest.mark.django_db
def test_a_wrong_filter_is_said_and_nothing_is_exported(page):
    for path in ("/usage/requests.csv", "/usage/costs.csv", "/usage/me/requests.csv"):
        answer = page.get(f"{path}?period=soon")
        assert answer.status_code == 400
        assert "There is no period soon." in answer.content.decode()


@pytest.mark.django_db
def test_strangers_get_only_their_own_requests_with_any_filter(client, dora):
    log(finished("mine", owner="dora"), finished("his", owner="bob"))
    client.force_login(dora)
    assert [line["call_id"] for line in rows_of(client.get("/usage/me/requests.csv?user=bob"))] == ["mine"]
    assert client.get("/usage/requests.csv").status_code == 403
