"""`/v1/runs/{id}/traces` with filters, and one trace of it."""

from __future__ import annotations

import pytest

from tester.models import TraceChunk
from tester.traces import stored
from tester.traces.stored import TraceFilter


@pytest.fixture
def run(rehearsed, group, ids):
    """A run of 1,200 requests in which the first tier fails half of them, and the second some; nothing cools down."""
    group.cooldown_config = {"cooldown_time_s": 0}
    group.save()
    rates = {"deployment_failure_rates": {ids[0]: 0.5, ids[1]: 0.1}}
    return rehearsed(num_requests=1200, seed=5, failure_injection=rates)


@pytest.fixture
def ask(as_charlie, run):
    def get(query: str = "", page: str = "/traces") -> dict:
        answer = as_charlie.get(f"/v1/runs/{run.pk}{page}?{query}")
        assert answer.status_code == 200, answer.content
        return answer.json()

    return get


def everything(ask, query: str) -> list[dict]:
    """All pages, one after the other."""
    answer = ask(f"{query}&size=200")
    found = answer["traces"]
    while answer["next_after"] is not None:
        answer = ask(f"{query}&size=200&after={answer['next_after']}")
        found += answer["traces"]
    return found


@pytest.mark.parametrize(
    ("query", "is_wanted"),
    [
        ("status=error", lambda t: t["status"] == "error"),
        ("status=success", lambda t: t["status"] == "success"),
        ("fallback=true", lambda t: t["fallback_depth"] > 0),
        ("fallback=false&status=error", lambda t: not t["fallback_depth"] and t["status"] == "error"),
        ("from_ms=20000", lambda t: stored.ended_ms(t) >= 20000),
        ("from_ms=5000&to_ms=9000.5", lambda t: 5000 <= stored.ended_ms(t) <= 9000.5),
        ("deployment_id=nobody", lambda t: False),
    ],
)
def test_filters_give_what_is_wanted_in_the_stored_order(ask, query, is_wanted):
    whole = everything(ask, "")
    assert len(whole) == 1200
    assert everything(ask, query) == [trace for trace in whole if is_wanted(trace)]


def test_a_deployment_has_the_requests_that_tried_it(ask, ids):
    found = everything(ask, f"deployment_id={ids[1]}")
    assert 0 < len(found) < 1200
    assert all(ids[1] in [attempt["deployment_id"] for attempt in trace["attempts"]] for trace in found)


def test_with_filters_nobody_counts_and_the_answer_says_where_to_go_on(ask):
    numbered, filtered = ask("size=25"), ask("size=25&status=success")
    assert (numbered["total"], numbered["next_after"]) == (1200, 24)
    assert filtered["total"] is None
    assert 24 <= filtered["next_after"] < 200
    assert ask("page=24&size=50")["next_after"] is None


def test_one_trace_is_read_by_its_index(ask, as_charlie, run):
    whole = {trace["index"]: trace for trace in everything(ask, "")}
    for index in (0, 617, 1199):
        assert ask(page=f"/traces/{index}") == whole[index]
    assert as_charlie.get(f"/v1/runs/{run.pk}/traces/1200").status_code == 404
    assert as_charlie.get(f"/v1/runs/{run.pk}/traces/{10**30}").status_code == 404


@pytest.mark.parametrize(
    "bad", ["status=failed", "fallback=maybe", "from_ms=-1", "to_ms=x", "after=-1", "page=2&status=error"]
)
def test_a_bad_filter_is_refused_by_name(as_charlie, run, bad):
    answer = as_charlie.get(f"/v1/runs/{run.pk}/traces?{bad}")
    assert answer.status_code == 400
    assert bad.split("=")[0] in answer.json()


def test_rights_and_methods(as_charlie, as_dora, as_nobody, as_alice, run):
    url = f"/v1/runs/{run.pk}/traces/1"
    assert [client.get(url).status_code for client in (as_charlie, as_dora, as_nobody)] == [200, 403, 401]
    assert as_alice.post(url).status_code == 405


def test_a_search_opens_only_chunks_that_have_what_it_wants(run, django_assert_num_queries):
    TraceChunk.objects.filter(run=run).exclude(first=500).update(failed=0, data=b"not to be opened")
    with django_assert_num_queries(1):
        found = stored.find(run, TraceFilter(status="error"), size=1000)
    assert {trace["status"] for trace in found.traces} == {"error"}


def test_a_long_search_stops_half_way_and_goes_on_from_there(run, ask, monkeypatch):
    whole = everything(ask, "status=error")
    monkeypatch.setattr(stored, "MOST_CHUNKS", 1)
    first = stored.find(run, TraceFilter(status="error"), size=1000)
    assert 0 < len(first.traces) < len(whole)
    assert first == (whole[: len(first.traces)], 499)
    assert everything(ask, "status=error") == whole


def test_a_chunk_says_what_is_inside(run, ids):
    chunk = TraceChunk.objects.filter(run=run).first()
    inside = stored.find(run, TraceFilter(), size=chunk.count).traces
    assert chunk.failed == sum(trace["status"] == "error" for trace in inside)
    assert chunk.fell_back == sum(trace["fallback_depth"] > 0 for trace in inside)
    assert (chunk.low_index, set(chunk.tried)) == (0, set(ids))
    # Beginning and duration are rounded each: who ended first by a hair may seem to have ended last.
    ends_ms = [stored.ended_ms(trace) for trace in inside]
    assert (chunk.first_ended_ms, chunk.last_ended_ms) == (min(ends_ms), max(ends_ms))
