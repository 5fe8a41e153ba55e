"""A group to rehearse, and what a client asks of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model
from rest_framework.test import APIClient

from groups.models import RoutingGroup
from tester.models import Run
from tests.factories import make_group, make_model, make_provider

Simulate = Callable[..., dict[str, Any]]
Kept = tuple[Run, list[Model]]


@pytest.fixture
def group(db: None) -> RoutingGroup:
    """Two tiers with prices: Nebius, then Fireworks."""
    prices = {"input_cost_per_million": 1, "output_cost_per_million": 2}
    models = [make_model(provider=make_provider(name=name), **prices) for name in ("Nebius", "Fireworks")]
    retry = {"num_retries": 0, "timeout_s": 20}
    return make_group(name="chat", strategy="priority-failover", models=models, retry_config=retry)


@pytest.fixture
def url(group: RoutingGroup) -> str:
    return f"/v1/routing_group/{group.pk}/simulate"


@pytest.fixture
def simulate(as_bob: APIClient, url: str) -> Simulate:
    """Rehearses the group; gives the result."""

    def ask(**asked: Any) -> dict[str, Any]:
        answer = as_bob.post(url, asked)
        assert answer.status_code == 200, answer.content
        result: dict[str, Any] = answer.json()
        return result

    return ask


@pytest.fixture(scope="session")
def _kept_runs() -> dict[str, Kept]:
    return {}


@pytest.fixture
def rehearsed(simulate: Simulate, group: RoutingGroup, _kept_runs: dict[str, Kept]) -> Callable[..., Run]:
    """As `simulate`, for tests that only read the run: one that was rehearsed for another test is stored again."""

    def give(**asked: Any) -> Run:
        question = json.dumps([group.strategy, group.retry_config, group.cooldown_config, asked])
        if question not in _kept_runs:
            run = Run.objects.get(pk=simulate(**asked)["run_id"])
            _kept_runs[question] = copy.deepcopy((run, [*run.chunks.all(), *run.frames.all()]))
            return run
        run, rows = copy.deepcopy(_kept_runs[question])
        run.group = group
        run.save(force_insert=True)
        for row in rows:
            row.pk = None
            setattr(row, "run", run)  # noqa: B010
            row.save(force_insert=True)
        return run

    return give


@pytest.fixture
def ids(group: RoutingGroup) -> list[str]:
    """The deployment ids of the group, first tier first."""
    return [str(row.model_id) for row in group.deployments.all()]
