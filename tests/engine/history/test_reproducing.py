"""The same seeds give the same numbers in another process. `bench/history.py` does it for a year and two databases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from engine.history.jobs import HistoryJob
from engine.history.results import history_of
from engine.spec import FallbackPolicy, Strategy
from tests.engine.history.periods import group_of, period

THERE = """
import json, sys
from engine.history.jobs import HistoryJob
from engine.history.results import history_of
print(json.dumps([history_of(HistoryJob.from_json(job)) for job in json.load(sys.stdin)], sort_keys=True))
"""


def three_groups() -> list[HistoryJob]:
    """One of tiers, one of weights, one that falls back to another; half a day in which both providers were down."""
    ordered, other = group_of("OpenAI", "Anthropic"), group_of("Anthropic", name="other")
    rows = tuple(replace(row, weight=number) for number, row in enumerate(ordered.deployments, start=1))
    weighted = replace(ordered, strategy=Strategy.WEIGHTED, deployments=rows)
    falling_back = replace(group_of("OpenAI"), strategy=Strategy.LATENCY_BASED, fallback=FallbackPolicy(("other",)))
    few: dict[str, Any] = {
        "starts": datetime(2024, 12, 12, tzinfo=UTC),
        "hours": 12,
        "requests_per_hour": 30,
        "seeds": 2,
    }
    return [period(*specs, **few) for specs in ((ordered,), (weighted,), (falling_back, other))]


def test_another_process_with_another_hash_seed_computes_the_same():
    jobs = three_groups()
    here = [history_of(job) for job in jobs]
    assert all(answer["lost"] > 0 for answer in here)
    told = subprocess.run(
        [sys.executable, "-c", THERE],
        input=json.dumps([job.to_json() for job in jobs]),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env={**os.environ, "PYTHONHASHSEED": "4711"},
    )
    assert json.loads(told.stdout) == json.loads(json.dumps(here))
