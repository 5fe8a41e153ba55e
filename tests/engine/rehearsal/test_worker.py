from __future__ import annotations

from engine.rehearsal.workload import Workload
from engine.spec import Strategy
from tests.engine.rehearsal.test_rehearsal import job_of
from tests.engine.working import WorkerProcess
from tests.pace import Stopwatch

LONG = Workload(kind="closed", num_requests=100_000, concurrency=10)


def test_a_run_of_a_hundred_thousand_requests_is_cancelled_within_a_second():
    with WorkerProcess() as worker:
        worker.tell({"run": job_of(Strategy.PRIORITY_FAILOVER, "healthy", workload=LONG).to_json()})
        worker._readline()
        watch = Stopwatch()
        worker.tell({"cancel": True})
        *_, last = worker.messages()
        assert watch.elapsed_s < 1
        assert last["type"] == "cancelled"
        assert last["result"]["total_requests"] < 100_000
        _, result = worker.run(job_of(Strategy.PRIORITY_FAILOVER, "healthy"))
        assert result["total_requests"] == 160


def test_a_job_that_makes_no_sense_is_answered_and_the_worker_lives_on():
    with WorkerProcess() as worker:
        worker.tell({"run": {"specs": []}})
        assert worker.messages()[-1]["type"] == "failed"
        _, result = worker.run(job_of(Strategy.WEIGHTED, "healthy"))
        assert result["failed_requests"] == 0


def test_a_cancel_between_jobs_is_forgotten():
    with WorkerProcess() as worker:
        worker.tell({"cancel": True})
        assert worker.run(job_of(Strategy.WEIGHTED, "healthy"))[1]["total_requests"] == 160


def test_a_worker_ends_with_its_input_even_in_the_middle_of_a_run():
    with WorkerProcess() as worker:
        worker.tell({"run": job_of(Strategy.PRIORITY_FAILOVER, "healthy", workload=LONG).to_json()})
        worker._readline()
        worker.stdin.close()
        assert len(worker.messages()) >= 1
