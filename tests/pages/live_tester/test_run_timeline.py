"""The timeline of a stored run names the same targets of faults as the run itself."""

from __future__ import annotations

from typing import Any

import pytest

from engine.faults.targets import targets
from pages.live_tester.run_timeline import timeline_of_run
from tester import actions
from tester.models import Run
from tester.run_planning import RunRequest, plan
from tester.scene.drawings import drawn_group_of
from tests.factories import make_group, make_model, make_provider

pytestmark = pytest.mark.django_db


def planned(strategy: str) -> Any:
    """A rehearsal of a group whose second deployment is the cheaper one, with the larger limit."""
    models = [
        make_model(provider=make_provider(name=name, rpm=rpm), input_cost_per_million=usd, output_cost_per_million=usd)
        for name, rpm, usd in (("Nebius", 10, 9), ("Fireworks", 90, 1))
    ]
    return plan(
        make_group(name="chat", strategy=strategy, models=models), RunRequest(scenario="primary-outage", seed=1)
    )


def whom(run: Run) -> list[str]:
    return [window.whom for window in timeline_of_run(run, drawn_group_of(run)).windows]


@pytest.mark.parametrize("strategy", ["cost-based-routing", "simple-shuffle"])
def test_the_primary_of_the_timeline_is_the_primary_of_the_run(bob, strategy):
    made = planned(strategy)
    second = made.job.spec.deployments[1]
    assert targets("primary", made.job.specs, made.job.profiles) == {second.deployment_id}
    assert whom(actions.create_run(by=bob, plan=made)) == ["Fireworks"]


def test_the_fastest_is_told_by_the_profiles_of_the_run(bob):
    run = actions.create_run(by=bob, plan=planned("latency-based-routing"))
    assert whom(run) == ["Nebius"]
    run.config["profiles"][run.config["group"]["deployments"][1]["deployment_id"]]["first_token_ms"] = 1.0
    assert whom(run) == ["Fireworks"]


def test_a_run_of_an_older_version_is_told_from_its_picture(bob):
    run = actions.create_run(by=bob, plan=planned("cost-based-routing"))
    run.engine_input = {}
    assert whom(run) == ["Nebius"]
