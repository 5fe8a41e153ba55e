"""A group of two providers of which incidents are known."""

from __future__ import annotations

import pytest

from groups.models import RoutingGroup
from tests.factories import make_group, make_model, make_provider


@pytest.fixture
def group(db: None) -> RoutingGroup:
    """OpenAI, then Anthropic, with prices."""
    prices = {"input_cost_per_million": 1, "output_cost_per_million": 2}
    pairs = (("OpenAI", "openai"), ("Anthropic", "anthropic"))
    models = [make_model(provider=make_provider(name=name, type=kind), **prices) for name, kind in pairs]
    return make_group(name="chat", strategy="priority-failover", models=models, retry_config={"num_retries": 0})


@pytest.fixture
def url(group: RoutingGroup) -> str:
    return f"/v1/routing_group/{group.pk}/history"
