"""The pages of a run's requests, as the server draws them, and its timeline."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from tester.models import Run, TraceChunk
from tester.traces.stored import TraceFilter, find
from tests.page import HTMX, html_of


@pytest.fixture
def run(rehearsed, ids):
    """A run of 60 requests in which the first tier fails half of them."""
    rates = {"deployment_failure_rates": {ids[0]: 0.5}}
    return rehearsed(num_requests=60, seed=5, failure_injection=rates)


@pytest.fixture
def page(client, charlie, run):
    client.force_login(charlie)

    def get(path: str, status: int = 200, **headers: str) -> str:
        answer = client.get(f"/runs/{run.pk}{path}", headers=headers or None)
        assert answer.status_code == status
        return html_of(answer)

    return get


def test_requests_are_listed_with_their_waterfalls(page):
    html = page("/traces")
    assert html.count("<summary>") == 25
    assert "25 requests, and more" in html
    assert "so the router went to the next tier or group." in html
    assert "Nebius" in html


def test_a_request_of_a_run_shows_who_was_skipped(page, run, ids):
    passed = next(t for t in find(run, TraceFilter(fallback=True), size=60).traces if t["skipped"])
    (skip,) = passed["skipped"]
    assert (skip["deployment_id"], skip["reason"], passed["fallback_depth"]) == (ids[0], "cooling", 1)
    assert 0 < skip["for_s"] <= 30
    assert 0 <= skip["since_ms"] <= passed["at_ms"]
    html = page(f"/traces/{passed['index']}")
    assert "It cools down for" in html
    assert "ghost" in html
    assert "1 skipped" in page("/traces?show=fell-back")


def test_pages_follow_each_other(page, run):
    assert f"/runs/{run.pk}/traces?after=24" in page("/traces")
    last = page("/traces?after=49")
    assert last.count("<summary>") == 10
    assert "10 requests, the last" in last


def test_a_card_a_moment_and_an_outcome_filter(page, ids):
    assert page(f"/traces?deployment={ids[1]}&show=fell-back").count("fell back") >= 25
    assert "No request of this run matches." in page(f"/traces?deployment={ids[0]}&show=failed")
    html = page("/traces?from_ms=0&to_ms=3000")
    assert "that ended from 0.0 s to 3.0 s" in html
    assert "Show any moment" in html


def test_requests_that_reached_no_deployment_are_listed_filtered_and_shown(client, charlie, simulate):
    result = simulate(num_requests=40, scenario="everything-down", seed=3)
    untried = result["untried_requests"]
    assert untried > 0
    client.force_login(charlie)
    html = html_of(client.get(f"/runs/{result['run_id']}/traces?show=untried"))
    assert f"{min(25, untried)} requests" in html
    assert html.count("not tried") == min(25, untried)
    assert f"{untried:,} reached no deployment" in html_of(client.get(f"/runs/{result['run_id']}"))
    listed = client.get(f"/v1/runs/{result['run_id']}/traces?tried=false&size=200")
    assert [trace["attempts"] for trace in listed.json()["traces"]] == [[]] * untried


def test_requests_that_were_refused_because_of_what_they_asked_are_no_failures(client, charlie, simulate, group):
    too_long = {"kind": "context_too_long", "limit_tokens": 1500, "target": "*"}
    result = simulate(scenario={"faults": [too_long]}, workload={"input_tokens": 1500}, seed=3)
    refused = result["refused_requests"]
    assert (refused > 0, result["failed_requests"], result["failures_by_cause"]) == (True, 0, {})
    assert result["total_requests"] == result["successful_requests"] + refused
    client.force_login(charlie)
    page = html_of(client.get(f"/runs/{result['run_id']}"))
    assert f"{refused:,} refused" in page
    assert ">100\u202f%<" in page
    assert f"100\u202f% success · {refused:,} refused" in re.sub("[ \n]+", " ", page)
    assert f"{refused:,} refused" in html_of(client.get(f"/groups/{group.pk}/runs"))
    assert f"{refused:,} refused" in html_of(client.get("/"))
    html = html_of(client.get(f"/runs/{result['run_id']}/traces?show=refused"))
    assert html.count('class="trace refused"') == min(25, refused)
    assert "No request of this run matches." in html_of(client.get(f"/runs/{result['run_id']}/traces?show=failed"))
    listed = client.get(f"/v1/runs/{result['run_id']}/traces?outcome=refused&size=200").json()["traces"]
    assert len(listed) == refused


def test_a_search_that_stops_half_way_offers_to_look_further(client, charlie, simulate, monkeypatch):
    monkeypatch.setattr("tester.traces.stored.MOST_CHUNKS", 1)
    url = f"/runs/{simulate(num_requests=600, seed=5)['run_id']}/traces?show=failed"
    TraceChunk.objects.update(failed=1)  # of their requests none is, but only a look tells
    client.force_login(charlie)
    html = html_of(client.get(url))
    assert "None in the part that was searched so far." in html
    assert ("after=499" in html, "Look further" in html) == (True, True)
    assert "No further request of this run matches." in html_of(client.get(f"{url}&after=499"))


def test_htmx_gets_the_list_and_others_the_whole_page(page):
    part = page("/traces", **HTMX)
    assert part.strip().startswith('<section id="traces"')
    assert "<html" in page("/traces")


@pytest.mark.parametrize("bad", ["deployment=nobody", "show=nonsense", "from_ms=soon", "after=-1"])
def test_a_bad_filter_says_what_is_wrong(page, bad):
    html = page(f"/traces?{bad}", status=422)
    assert bad.split("=")[0] in html
    assert 'role="alert"' in html


def test_one_request_has_a_page_of_its_own(page):
    html = page("/traces/3")
    assert "Request #3" in html
    assert 'class="attempts"' in html
    page("/traces/60", status=404)


def test_the_timeline_stands_under_the_diagram_and_its_bars_lead_to_the_requests(page, run):
    html = page("")
    assert f'href="/runs/{run.pk}/traces?from_ms=0' in html
    assert "50\u202f% fail with 503" in html
    assert 'hx-trigger="every 1s"' not in html


def test_the_cards_of_a_run_lead_to_their_requests_and_those_of_a_group_nowhere(page, client, group, ids):
    assert page("").count(f"/traces?deployment={ids[0]}") == 2
    assert "/traces?" not in html_of(client.get(f"/groups/{group.pk}/live"))


def test_while_a_run_goes_on_its_timeline_is_fetched_again(page, client, run):
    Run.objects.filter(pk=run.pk).update(status="running", heartbeat_at=timezone.now())
    part = page("/timeline", **HTMX)
    assert 'hx-trigger="every 1s"' in part
    assert client.get(f"/runs/{run.pk}/timeline").url == f"/runs/{run.pk}"


def test_a_run_without_frames_says_so(page, run):
    run.frames.all().delete()
    assert "Nothing has happened in this run." in page("/timeline", **HTMX)


def test_strangers_read_nothing_and_nothing_is_posted(client, dora, run):
    for path in ("timeline", "traces", "traces/3", "picture.svg", "export.json"):
        assert client.get(f"/runs/{run.pk}/{path}").status_code == 302
    client.force_login(dora)
    for path in ("timeline", "traces", "traces/3", "picture.svg", "export.json"):
        assert client.get(f"/runs/{run.pk}/{path}").status_code == 403
        assert client.post(f"/runs/{run.pk}/{path}").status_code == 405


def test_a_page_of_requests_costs_the_same_queries_however_many(page, run, django_assert_max_num_queries):
    with django_assert_max_num_queries(7):  # session, person, run, its picture, chunks, provider types
        page("/traces")
