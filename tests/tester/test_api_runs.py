"""`/v1/runs` and `/v1/routing_group/{id}/runs`: stored runs are read, followed, cancelled and deleted."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from tester.models import LOST_AFTER, Frame, Run, RunStatus, TraceChunk
from tests.factories import make_group


def make_run(group, **fields) -> Run:
    values = {"group_name": group.name, "group_revision": 1, "scenario": "healthy", "seed": 1, "created_by": "bob"}
    return Run.objects.create(group=group, **{**values, **fields})


@pytest.fixture
def run(rehearsed):
    """A run of 1,200 requests that has ended."""
    return rehearsed(num_requests=1200, seed=5)


def at(run, page: str = "") -> str:
    return f"/v1/runs/{run.pk}{page}"


def test_the_runs_of_a_group_newest_first(as_charlie, group):
    old, new = make_run(group), make_run(group, status=RunStatus.DONE)
    make_run(make_group())
    answer = as_charlie.get(f"/v1/routing_group/{group.pk}/runs?size=1").json()
    assert [run["run_id"] for run in answer["runs"]] == [str(new.pk)]
    assert (answer["total"], answer["page"], answer["size"]) == (2, 1, 1)
    assert as_charlie.get(f"/v1/routing_group/{group.pk}/runs?page=2&size=1").json()["runs"][0]["run_id"] == str(old.pk)


def test_a_list_costs_the_same_queries_however_long(as_charlie, group, django_assert_num_queries):
    url = f"/v1/routing_group/{group.pk}/runs"
    for _ in range(20):
        make_run(group)
    with django_assert_num_queries(5):  # the key, the group, the rows, their number
        assert as_charlie.get(url).json()["total"] == 20


def test_one_run_is_three_queries(as_charlie, group, django_assert_num_queries):
    run = make_run(group)
    with django_assert_num_queries(3):  # the key, the run
        assert as_charlie.get(at(run)).json()["status"] == "queued"


def test_traces_in_pages_across_chunks(as_charlie, run, django_assert_num_queries):
    assert TraceChunk.objects.count() == 3
    with django_assert_num_queries(5):  # the key, the run, the chunks, their sum
        page = as_charlie.get(at(run, "/traces?page=6&size=90")).json()
    assert (page["total"], page["page"], page["size"], len(page["traces"])) == (1200, 6, 90, 90)
    pages = [as_charlie.get(at(run, f"/traces?page={n}&size=200")).json()["traces"] for n in range(1, 8)]
    assert [len(traces) for traces in pages] == [200] * 6 + [0]
    assert sorted(trace["index"] for traces in pages for trace in traces) == list(range(1200))
    assert page["traces"][0] == pages[2][50]
    assert page["traces"][0]["attempts"][0]["provider"] == "Nebius"


def test_frames_can_be_followed(as_charlie, run):
    frames = as_charlie.get(at(run, "/frames?size=200")).json()
    numbers = [frame["n"] for frame in frames["frames"]]
    assert numbers == sorted(numbers)
    assert {"at_ms", "requests", "deployments", "last_traces"} <= set(frames["frames"][0])
    rest = as_charlie.get(at(run, f"/frames?after={numbers[-2]}&size=200")).json()
    assert rest["frames"][0]["n"] == numbers[-1]
    last = Frame.objects.filter(run=run).last()
    assert last.data["requests"]["succeeded"] + last.data["requests"]["failed"] == 1200


def test_deleting_takes_everything_along(as_bob, run):
    assert as_bob.delete(at(run)).json() == {"run_id": str(run.pk), "deleted": True}
    assert [rows.objects.count() for rows in (Run, TraceChunk, Frame)] == [0, 0, 0]
    assert as_bob.get(at(run)).status_code == 404


def test_a_run_outlives_its_group(as_charlie, group, run):
    group.delete()
    answer = as_charlie.get(at(run)).json()
    assert (answer["routing_group_id"], answer["routing_group_name"]) == (None, "chat")
    assert answer["result"]["total_requests"] == 1200


def test_what_is_under_way_is_cancelled_not_deleted(as_bob, group):
    run = make_run(group, status=RunStatus.RUNNING)
    assert as_bob.delete(at(run)).status_code == 409
    answer = as_bob.post(at(run, "/cancel"))
    assert (answer.status_code, answer.json()) == (202, {"run_id": str(run.pk), "status": "running"})
    run.refresh_from_db()
    assert run.cancel_requested


def test_what_is_over_cannot_be_cancelled(as_bob, group):
    run = make_run(group, status=RunStatus.DONE)
    assert as_bob.post(at(run, "/cancel")).status_code == 409


def test_a_run_whose_server_went_away_has_failed(as_bob, group):
    gone = timezone.now() - LOST_AFTER - timedelta(seconds=1)
    for status in (RunStatus.RUNNING, RunStatus.QUEUED):
        run = make_run(group, status=status, heartbeat_at=gone)
        answer = as_bob.get(at(run)).json()
        assert answer["status"] == "failed"
        assert "server" in answer["error"]
        assert as_bob.post(at(run, "/cancel")).status_code == 409
        assert as_bob.delete(at(run)).status_code == 200


def test_old_runs_are_forgotten_when_another_starts(simulate, group, settings):
    settings.RUNS_RETENTION_DAYS = 7
    old = make_run(group, created_at=timezone.now() - timedelta(days=8))
    kept = make_run(group, created_at=timezone.now() - timedelta(days=6))
    simulate(num_requests=5)
    assert set(Run.objects.filter(pk__in=[old.pk, kept.pk])) == {kept}


def test_the_queue_has_an_end(as_bob, group, url):
    for _ in range(100):
        make_run(group)
    answer = as_bob.post(url, {})
    assert answer.status_code == 409
    assert "100 rehearsals" in answer.json()["detail"]


def test_rights(as_bob, as_charlie, as_dora, as_nobody, group):
    run = make_run(group)
    pages = [at(run), at(run, "/traces"), at(run, "/frames"), f"/v1/routing_group/{group.pk}/runs"]
    assert [as_charlie.get(page).status_code for page in pages] == [200] * 4
    assert [as_dora.get(page).status_code for page in pages] == [403] * 4
    assert [as_nobody.get(page).status_code for page in pages] == [401] * 4
    for client in (as_charlie, as_dora):
        assert client.post(at(run, "/cancel")).status_code == 403
        assert client.delete(at(run)).status_code == 403


def test_other_methods_and_unknown_runs(as_alice, as_bob, group):
    run = make_run(group)
    for page in ("", "/traces", "/frames"):
        assert as_alice.post(at(run, page)).status_code == 405
        assert as_bob.get(f"/v1/runs/{uuid4()}{page}").status_code == 404
        assert as_bob.get(f"/v1/runs/nonsense{page}").status_code == 404
    assert as_bob.get(at(run, "/cancel")).status_code == 405
    assert as_bob.get(at(run, "/traces?size=0")).status_code == 400
    assert as_bob.get(at(run, "/traces?format=xml")).status_code == 404
