"""`/v1/routing_group/{id}/traffic`."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection

from tests.factories import make_group
from tests.usage.log import finished, plan_of
from tests.usage.logged import logged, tried
from usage.models import RequestRecord
from usage.request_log import traffic_periods
from usage.request_log.traffic_periods import TrafficPeriod, json_lines, requests_in

pytestmark = pytest.mark.django_db(transaction=True)
SINCE, UNTIL = datetime(2030, 1, 31, 14, tzinfo=UTC), datetime(2030, 1, 31, 15, tzinfo=UTC)
PERIOD = {"from": "2030-01-31T14:00:00Z", "until": "2030-01-31T15:00:00Z"}


@pytest.fixture
def group():
    return make_group(name="chat")


def url_of(group) -> str:
    return f"/v1/routing_group/{group.pk}/traffic"


def lines_of(answer) -> list[dict]:
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/x-ndjson"

    async def whole() -> bytes:
        return b"".join([part async for part in answer])

    text = asyncio.run(whole())
    return [json.loads(line) for line in text.splitlines()]


def bulk(count: int, *, group: str = "chat", first: int = 0) -> None:
    rows = (
        finished(
            f"{n:032x}", model_group=group, started_at=SINCE + timedelta(milliseconds=n % 20_000), attempts=[tried()]
        )
        for n in range(first, first + count)
    )
    RequestRecord.objects.bulk_create(rows, batch_size=500)


def test_it_is_what_the_log_has_oldest_first_and_never_who_asked(as_charlie, group):
    failed = tried(status="error", error_class="ServiceUnavailableError", error_message="secret words", own_key=False)
    logged("b", at="2030-01-31T14:30:05", status=503, is_stream=True, attempts=[failed], key_name="my key")
    logged("a", at="2030-01-31T14:30:00.25", input_tokens=12, output_tokens=34)
    logged("c", at="2030-01-31T14:30:00", model_group="another")
    first, second = lines_of(as_charlie.get(url_of(group), PERIOD))
    assert (
        first.items()
        >= {
            "at": "2030-01-31T14:30:00.250000Z",
            "input_tokens": 12,
            "output_tokens": 34,
            "stream": False,
            "outcome": "answered",
        }.items()
    )
    assert (second["stream"], second["outcome"], second["input_tokens"]) == (True, "failed", None)
    (attempt,) = second["attempts"]
    assert (attempt["deployment_id"], attempt["status"], attempt["status_code"]) == ("Nebius", "error", 503)
    assert "secret words" not in str(second)
    assert "my key" not in str(second)
    assert "charlie" not in str(first)


def test_the_end_of_the_period_is_not_in_it(as_charlie, group):
    for call_id, at in (("a", "14:00"), ("b", "14:59:59"), ("c", "15:00"), ("d", "13:59:59")):
        logged(call_id, at=f"2030-01-31T{at}")
    assert len(lines_of(as_charlie.get(url_of(group), PERIOD))) == 2


def test_without_a_period_it_is_the_last_hour(as_charlie, group):
    logged("a", age_min=30)
    logged("b", age_min=90)
    assert len(lines_of(as_charlie.get(url_of(group)))) == 1


def test_an_empty_period_has_no_lines(as_charlie, group):
    assert lines_of(as_charlie.get(url_of(group), PERIOD)) == []


def test_pages_of_the_log_are_joined_without_loss_also_within_one_moment(as_charlie, group, monkeypatch):
    monkeypatch.setattr(traffic_periods, "ROWS_AT_ONCE", 3)
    for n in range(10):
        logged(f"a{n}", at="2030-01-31T14:30:00", input_tokens=n)
    assert [line["input_tokens"] for line in lines_of(as_charlie.get(url_of(group), PERIOD))] == [*range(10)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"until": "soon"}, "until"),
        ({"from": "2030-01-31T15:00:00Z", "until": "2030-01-31T14:00:00Z"}, "until"),
    ],
)
def test_a_bad_period_is_refused_by_name(as_charlie, group, query, field):
    answer = as_charlie.get(url_of(group), query)
    assert answer.status_code == 400
    assert field in answer.json()


def test_too_much_at_once_is_refused_in_words(as_charlie, group, monkeypatch):
    monkeypatch.setattr(traffic_periods, "MOST_REQUESTS", 2)
    monkeypatch.setattr("usage.api.traffic.MOST_REQUESTS", 2)
    bulk(3)
    answer = as_charlie.get(url_of(group), PERIOD)
    assert answer.status_code == 400
    assert "Ask for a shorter one" in answer.json()["until"][0]


def test_it_takes_the_role_viewer(as_dora, as_nobody, group):
    assert as_dora.get(url_of(group)).status_code == 403
    assert as_nobody.get(url_of(group)).status_code == 401


def test_it_can_only_be_read(as_alice, group):
    assert as_alice.post(url_of(group)).status_code == 405


def test_a_group_that_is_gone_is_not_found(as_charlie):
    assert as_charlie.get(f"/v1/routing_group/{uuid4()}/traffic").status_code == 404


def test_the_index_of_the_group_and_the_time_is_used(group):
    bulk(2000)
    for n in range(1, 5):
        bulk(2000, group=f"another-{n}", first=20_000 * n)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE usage_requestrecord")
    rows = TrafficPeriod("chat", SINCE, SINCE + timedelta(milliseconds=200)).rows[:2000]
    assert "request_of_group_and_time" in plan_of(rows)


def test_many_requests_need_little_memory(group):
    bulk(20_000)
    period = TrafficPeriod("chat", SINCE, UNTIL)

    async def count_lines() -> int:
        return sum([part.count(b"\n") async for part in json_lines(period)])

    tracemalloc.start()
    try:
        assert asyncio.run(count_lines()) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_rehearsals_read_the_same_rows(group):
    logged("a", at="2030-01-31T14:30:00", input_tokens=12)
    (request,) = requests_in(TrafficPeriod("chat", SINCE, UNTIL))
    assert (request.input_tokens, request.attempts[0].deployment_id) == (12, "Nebius")
