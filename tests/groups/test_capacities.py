"""The capacity of a deployment: stored, checked, and in the spec that rehearsals get."""

from __future__ import annotations

import pytest

from engine.rehearsal.capacity import Capacity
from groups.models import RoutingGroup
from groups.specs import specs_with_fallbacks

pytestmark = pytest.mark.django_db
URL = "/v1/routing_group"


def body(two_models, capacity):
    rows = [{**two_models[0], "capacity": capacity}, two_models[1]]
    return {"routing_group_name": "chat", "routing_strategy": "priority-failover", "deployments": rows}


def test_a_capacity_comes_back_and_reaches_the_engine(as_bob, two_models):
    known = {"slots": 2, "queue": 8, "decode_tokens_per_s": 900.5}
    answer = as_bob.post(URL, body(two_models, known))
    assert answer.status_code == 201, answer.content
    assert [row["capacity"] for row in answer.json()["deployments"]] == [known, {}]
    spec = specs_with_fallbacks(RoutingGroup.objects.get())[0]
    assert [row.capacity for row in spec.deployments] == [Capacity(2, 8, decode_tokens_per_s=900.5), None]


@pytest.mark.parametrize("capacity", [{"slots": 0}, {"queue": 3}, {"slots": 1, "speed": 2}, {"slots": "2"}, [1]])
def test_what_is_no_capacity_is_refused(as_bob, two_models, capacity):
    assert as_bob.post(URL, body(two_models, capacity)).status_code == 400
