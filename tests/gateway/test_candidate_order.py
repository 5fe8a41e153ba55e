"""The order in which each strategy would ask its deployments."""

from __future__ import annotations

from typing import Any

import pytest

from engine.spec import DeploymentSpec, GroupSpec, Strategy
from gateway.explain.candidate_order import candidates_in


def deployment(name: str, **fields: Any) -> DeploymentSpec:
    return DeploymentSpec(name, name, "Lab", "openai", name, **fields)


A = deployment("a", priority=2, weight=10, input_cost_per_token_usd=1e-6, output_cost_per_token_usd=1e-6)
B = deployment("b", priority=1, weight=30, input_cost_per_token_usd=2e-6, output_cost_per_token_usd=2e-6)
C = deployment("c", priority=1, weight=0)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.PRIORITY_FAILOVER, [("b", 0.5), ("c", 0.5), ("a", 0.0)]),
        (Strategy.WEIGHTED, [("b", 0.75), ("a", 0.25), ("c", 0.0)]),
        (Strategy.COST_BASED, [("a", 1.0), ("b", 0.0), ("c", 0.0)]),
        (Strategy.LATENCY_BASED, [("c", None), ("a", None), ("b", None)]),
        (Strategy.LEAST_BUSY, [("a", None), ("b", None), ("c", None)]),
        (Strategy.USAGE_BASED, [("a", None), ("b", None), ("c", None)]),
    ],
)
def test_each_strategy_has_its_order(strategy, expected):
    spec = GroupSpec("g", "g", strategy, (A, B, C))
    found = candidates_in(spec, spec.deployments, latencies_ms={"a": 100.0, "b": 300.0})
    assert [(one.deployment_id, one.chance) for one in found] == expected


def test_a_shuffle_without_numbers_is_fair_and_with_rpm_goes_by_it():
    plain = GroupSpec("g", "g", Strategy.SIMPLE_SHUFFLE, (deployment("a"), deployment("b")))
    assert [one.chance for one in candidates_in(plain, plain.deployments)] == [0.5, 0.5]
    limited = GroupSpec("g", "g", Strategy.SIMPLE_SHUFFLE, (deployment("a", rpm=10), deployment("b", rpm=30)))
    assert [(o.deployment_id, o.chance) for o in candidates_in(limited, limited.deployments)] == [
        ("b", 0.75),
        ("a", 0.25),
    ]


def test_nobody_able_is_nobody():
    spec = GroupSpec("g", "g", Strategy.WEIGHTED, (A,))
    assert candidates_in(spec, []) == []
