"""Where a deployment runs: stored, shown, and in the spec that rehearsals get."""

from __future__ import annotations

import pytest
from django.test import Client

from engine.faults.targets import targets
from groups.models import RoutingGroup
from groups.specs import spec_of
from pages.live_tester.forms import RehearsalForm
from providers.models import Provider
from tester.scene.drawings import drawn_group
from tests.page import html_of

pytestmark = pytest.mark.django_db
URL = "/v1/routing_group"


def created(client, two_models, *regions: str) -> RoutingGroup:
    rows = [{**row, "region": region} for row, region in zip(two_models, regions, strict=True)]
    body = {"routing_group_name": "chat", "routing_strategy": "simple-shuffle", "deployments": rows}
    answer = client.post(URL, body)
    assert answer.status_code == 201, answer.json()
    assert [row["region"] for row in answer.json()["deployments"]] == list(regions)
    return RoutingGroup.objects.with_credentials().get()


def test_a_region_comes_back_and_wins_over_that_of_the_provider(as_bob, two_models):
    Provider.objects.update(settings={"aws_region_name": "us-east-1"})
    spec = spec_of(created(as_bob, two_models, "eu-west-1", ""))
    assert [row.region for row in spec.deployments] == ["eu-west-1", "us-east-1"]
    first, second = (row.deployment_id for row in spec.deployments)
    assert targets("primary-region", [spec]) == {first}
    assert targets("region:US-east-1", [spec]) == {second}


def test_without_a_region_the_region_of_the_primary_is_nobody(as_bob, two_models):
    assert targets("primary-region", [spec_of(created(as_bob, two_models, "", ""))]) == frozenset()


def test_a_region_that_is_too_long_is_refused(as_bob, two_models):
    rows = [{**two_models[0], "region": "x" * 65}]
    body = {"routing_group_name": "chat", "routing_strategy": "simple-shuffle", "deployments": rows}
    assert as_bob.post(URL, body).status_code == 400


def test_its_outage_is_offered_where_a_region_is_known(as_bob, two_models):
    group = created(as_bob, two_models, "eu-west-1", "eu-west-1")

    def offered() -> set[str]:
        form = RehearsalForm(deployments=drawn_group(RoutingGroup.objects.get()).deployments)
        return {name for name, _ in form.fields["scenario"].choices}  # type: ignore[attr-defined]

    assert {"region-outage", "primary-outage"} <= offered()
    group.deployments.update(region="")
    assert "region-outage" not in offered()


def test_a_card_shows_it(as_bob, two_models, charlie):
    group = created(as_bob, two_models, "eu-west-1", "")
    client = Client()
    client.force_login(charlie)
    assert html_of(client.get(f"/groups/{group.pk}")).count("eu-west-1") == 1
