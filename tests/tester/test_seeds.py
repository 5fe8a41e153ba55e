"""A run under several seeds: the first result at once, the others behind it, and the ranges of its numbers."""

from __future__ import annotations

import csv
import io
import json
import threading
from typing import Any

import pytest

from engine.exceptions import BadInput
from engine.rehearsal.ranges import metrics_of, ranges_of, results_of
from tester import actions
from tester.exceptions import RunIsOver
from tester.models import Run, RunStatus, SeedsStatus
from tester.run_planning import RunRequest, plan
from tester.runs import conduct as conducting
from tester.runs import seeds as of_seeds
from tester.runs.conduct import conduct, measure_seeds
from tester.runs.pool import Pool, pool
from tester.runs.workers import WorkerProcess
from tests.tester.performers import FAILS, performer

SOME: dict[str, Any] = {"num_requests": 60, "workload": {"kind": "poisson", "rate_per_s": 5}, "seed": 7}


@pytest.fixture
def start(group, alice):
    """Plans and stores a run of the group; gives it with its job."""

    def make(**asked):
        planned = plan(group, RunRequest(**{**SOME, **asked}))
        return actions.create_run(by=alice, plan=planned), planned.job

    return make


def test_who_waits_for_the_seeds_gets_the_ranges_of_every_number(as_bob, url, ids, group):
    result = as_bob.post(f"{url}?wait=seeds", {**SOME, "seeds": 4}).json()
    assert (result["seeds"], result["seeds_done"], result["seed"]) == (4, 4, 7)
    assert {"success_rate", "latency_p95_ms", "cost_usd", "fallback_share", *(f"share:{key}" for key in ids)} <= set(
        result["ranges"]
    )
    job = plan(group, RunRequest(**SOME)).job
    expected = ranges_of(metrics_of(found) for found in results_of(job, 4))
    assert result["ranges"] == {name: list(found) for name, found in expected.items()}


def test_one_seed_gives_the_same_ranges_in_any_process(as_bob, url):
    def ranges() -> str:
        return json.dumps(as_bob.post(f"{url}?wait=seeds", {**SOME, "seeds": 3}).json()["ranges"])

    first = ranges()
    pool.close()
    assert first == ranges()


def test_the_first_result_is_answered_without_the_others(as_bob, url, monkeypatch):
    later: list[Run] = []
    monkeypatch.setattr("tester.api.measure_in_background", lambda run, job: later.append(run))
    result = as_bob.post(url, {**SOME, "seeds": 5}).json()
    assert (result["seeds"], result["seeds_done"], result["successful_requests"]) == (5, 1, 60)
    assert "ranges" not in result
    assert [str(run.pk) for run in later] == [result["run_id"]]
    run = as_bob.get(f"/v1/runs/{result['run_id']}").json()
    assert (run["status"], run["seeds_status"], run["seeds_done"]) == ("done", "running", 1)


def test_a_run_in_the_background_goes_on_with_its_seeds(start, monkeypatch):
    monkeypatch.setattr("tester.runs.conduct.connections.close_all", lambda: None)
    run, job = start(seeds=3)
    conducting._in_thread(run, job)
    run.refresh_from_db()
    assert (run.status, run.seeds_status, len(run.measured)) == (RunStatus.DONE, SeedsStatus.DONE, 3)


def test_one_seed_is_one_result_and_nothing_more(simulate, as_charlie):
    result = simulate(**SOME, seeds=1)
    run = as_charlie.get(f"/v1/runs/{result['run_id']}").json()
    assert (run["seeds"], run["seeds_done"], run["seeds_status"], run["ranges"]) == (1, 1, "done", None)
    assert run["result"] == result
    assert "ranges" not in result


def test_a_run_makes_ten_seeds_unless_told_or_too_large(group, settings):
    settings.REHEARSAL_SEEDS = 10

    def seeds(**asked) -> int:
        return plan(group, RunRequest(**asked)).seeds

    assert seeds() == 10
    assert seeds(seeds=2) == 2
    assert (seeds(num_requests=30_000), seeds(num_requests=60_000), seeds(num_requests=100_000)) == (10, 5, 3)
    assert (seeds(num_requests=100_000, seeds=10), seeds(num_requests=10_000, router="litellm")) == (10, 3)
    assert seeds(mock=False, num_requests=1) == 1


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"num_requests": 100_000, "seeds": 11}, "Give 1 to 10"),
        ({"num_requests": 100_000, "seeds": 2, "router": "litellm"}, "Give 1 to 1"),
        ({"mock": False, "seeds": 2}, "Real requests follow no seed"),
    ],
)
def test_more_than_a_run_may_have_is_refused(group, asked, words):
    with pytest.raises(BadInput, match=words) as refused:
        plan(group, RunRequest(**asked))
    assert refused.value.field == "seeds"


def test_a_comparison_has_as_many_seeds_as_a_run_and_counts_the_work_of_both_sides(group, settings):
    settings.REHEARSAL_SEEDS = 10

    def seeds(asked: int | None, *, is_limited: bool = True, **of: Any) -> int:
        a, b = (plan(group, RunRequest(**of, router=router)).job for router in ("native", "litellm"))
        return of_seeds.how_many_compared(asked, a, b, is_limited=is_limited)

    assert seeds(None, num_requests=100) == 10
    assert seeds(None, num_requests=10_000) == 2
    assert seeds(2, num_requests=10_000) == 2
    assert seeds(50, num_requests=10_000, is_limited=False) == 50
    with pytest.raises(BadInput, match=r"10,000 requests with 3 seeds are too many to wait for\. Give at most 9,090"):
        seeds(3, num_requests=10_000)


@pytest.mark.parametrize("seeds", [0, 101, "many"])
def test_a_number_of_seeds_that_makes_no_sense_is_a_400(as_bob, url, seeds):
    answer = as_bob.post(url, {"seeds": seeds})
    assert (answer.status_code, list(answer.json())) == (400, ["seeds"])
    assert as_bob.post(f"{url}?wait=perhaps", {}).status_code == 400


def test_a_cancelled_run_ends_its_seeds_and_keeps_those_that_are_done(start, alice):
    run, job = start(seeds=5)
    conduct(run, job)
    run.refresh_from_db()
    assert run.are_seeds_running

    def cancel(_) -> None:
        actions.cancel_run(by=alice, run=Run.objects.get())

    measure_seeds(run, job, on_result=cancel)
    run.refresh_from_db()
    assert len(run.measured) == 2
    assert (run.status, run.seeds_status) == (RunStatus.DONE, SeedsStatus.STOPPED)
    with pytest.raises(RunIsOver):
        actions.cancel_run(by=alice, run=run)


def test_a_seed_under_way_is_cancelled_too_and_its_worker_lives_on(start, monkeypatch):
    workers: list[WorkerProcess] = []

    def begin() -> WorkerProcess:
        workers.append(WorkerProcess())
        return workers[-1]

    monkeypatch.setattr(conducting, "pool", own := Pool(lambda: 1, begin))
    run, job = start(seeds=2, num_requests=100_000)
    Run.objects.update(status=RunStatus.DONE, measured=[{"success_rate": 1.0}])
    monkeypatch.setattr(of_seeds.SeedLog, "take", lambda *_: Run.objects.update(cancel_requested=True))
    measure_seeds(run, job)
    assert len(workers) == 1
    run.refresh_from_db()
    assert (len(run.measured), run.seeds_status) == (1, SeedsStatus.STOPPED)
    with own.lend(while_waiting=lambda: None) as worker:
        assert worker is workers[0]
    own.close()


def test_a_deleted_run_ends_its_seeds(start, alice):
    run, job = start(seeds=5)
    conduct(run, job)
    done: list[object] = []

    def delete(result: object) -> None:
        done.append(result)
        actions.delete_run(by=alice, run=Run.objects.get())

    measure_seeds(run, job, on_result=delete)
    assert len(done) == 1
    assert not Run.objects.exists()


def test_a_seed_that_breaks_leaves_the_result_and_says_why(start, monkeypatch, as_charlie):
    run, job = start(seeds=3)
    conduct(run, job)
    monkeypatch.setattr(conducting, "pool", broken := Pool(lambda: 1, lambda: performer(FAILS)))
    measure_seeds(run, job)
    broken.close()
    told = as_charlie.get(f"/v1/runs/{run.pk}").json()
    assert (told["status"], told["seeds_status"], told["seeds_done"]) == ("done", "stopped", 1)
    assert "KeyError: x" in told["seeds_error"]


def test_a_cancelled_run_has_no_seeds(start):
    run, job = start(seeds=3)
    Run.objects.update(cancel_requested=True)
    conduct(run, job)
    run.refresh_from_db()
    assert (run.status, run.measured, run.seeds_status) == (RunStatus.CANCELLED, [], SeedsStatus.STOPPED)


def test_too_many_runs_with_seeds_are_told_so(start, monkeypatch):
    monkeypatch.setattr(conducting, "_room_for_seeds", threading.BoundedSemaphore(1))
    run, job = start(seeds=3)
    conduct(run, job)
    with conducting._room_for_seeds:
        conducting._measure_in_turn(run, job)
    run.refresh_from_db()
    assert (run.seeds_status, run.seeds_error) == (SeedsStatus.STOPPED, conducting.TOO_MANY)


def test_a_changed_run_has_as_many_seeds(start, alice):
    from tester.change_planning import AskedChange, plan_change

    run, job = start(seeds=3)
    conduct(run, job)
    change = plan_change(run, AskedChange(at_ms=1000, scenario="everything-down"))
    assert actions.change_run(by=alice, run=run, change=change).seeds == 3


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_the_numbers_come_as_csv_with_their_ranges(as_bob, as_charlie, url, ids):
    result = as_bob.post(f"{url}?wait=seeds", {**SOME, "scenario": "primary-outage", "seeds": 3}).json()
    answer = as_charlie.get(f"/v1/runs/{result['run_id']}?format=csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = {(row["metric"], row["deployment_id"]): row for row in rows_of(answer.content)}
    assert rows["total_requests", ""]["value"] == "60"
    share = rows["share", ids[0]]
    low, middle, high = result["ranges"][f"share:{ids[0]}"]
    assert [float(share[name]) for name in ("low", "median", "high")] == [low, middle, high]
    assert (share["seeds"], share["deployment"]) == ("3", result["traffic_distribution"][0]["deployment_name"])
    assert int(rows["skipped:cooling", ids[0]]["value"]) > 0
    assert as_charlie.get("/v1/runs/none?format=csv").status_code == 404
