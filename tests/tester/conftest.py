"""A group to rehearse, and what a client asks of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from groups.models import RoutingGroup
from tests.factories import make_group, make_model, make_provider

Simulate = Callable[..., dict[str, Any]]


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


@pytest.fixture
def ids(group: RoutingGroup) -> list[str]:
    """The deployment ids of the group, first tier first."""
    return [str(row.model_id) for row in group.deployments.all()]
