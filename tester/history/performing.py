"""Performs a planned rehearsal of the past in a worker of the pool, and waits for it."""

from __future__ import annotations

import time
from typing import Any

from tester.exceptions import RunBroken
from tester.history.planning import HistoryPlan
from tester.runs.pool import pool

LISTEN_S = 0.25
# A year takes less than a minute of CPU; the largest allowed some minutes.
PATIENCE_S = 900.0


def rehearse_history(plan: HistoryPlan) -> dict[str, Any]:
    """The answer of the REST API; raises RunBroken."""
    deadline = time.monotonic() + PATIENCE_S
    with pool.lend(while_waiting=lambda: _check_patience(deadline)) as worker:
        worker.run(plan.job.to_json())
        while True:
            for message in worker.receive(LISTEN_S):
                if message["type"] == "done":
                    return {**message["result"], **plan.told}
                if message["type"] == "failed":
                    raise RunBroken(f"The rehearsal itself went wrong: {message['error']}.")
            _check_patience(deadline)


def _check_patience(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise RunBroken(f"No result within {PATIENCE_S:g} s. Ask for fewer seeds or fewer requests an hour.")
