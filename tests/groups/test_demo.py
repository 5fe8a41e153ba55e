"""Loading the demo: once, whole or not at all, and always at the port this server has."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from groups import demo_groups
from groups.models import RoutingGroup, VirtualModel
from providers import secrets
from providers.actions import create_provider
from providers.demo.behaviour import DEMO_KEY
from providers.models import Provider

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _server(settings: Any) -> None:
    settings.ALLOW_PRIVATE_UPSTREAMS = True
    settings.HOST, settings.PORT = "0.0.0.0", 8000


def placements(name: str) -> list[tuple[str, int | None, int | None]]:
    group = RoutingGroup.objects.get(name=name)
    rows = group.deployments.select_related("model__provider")
    return [(row.model.provider.name, row.priority, row.weight) for row in rows]


def test_makes_the_two_groups_over_three_providers() -> None:
    assert demo_groups.load() == "loaded"
    assert placements("demo-ordered") == [("Nebius", 1, None), ("Fireworks", 2, None), ("Azure", 3, None)]
    assert placements("demo-weighted") == [("Nebius", None, 83), ("Fireworks", None, 10), ("Azure", None, 7)]
    nebius = Provider.objects.get(name="Nebius")
    assert nebius.api_base == "http://127.0.0.1:8000/demo/upstream/nebius/v1"
    assert secrets.decrypt(nebius.key).reveal() == DEMO_KEY


def test_installs_the_usual_virtual_models_over_them() -> None:
    demo_groups.load()
    assert VirtualModel.objects.count() == 6
    tiers = VirtualModel.objects.get(name="auto-chat").tiers.select_related("pool")
    assert [tier.pool.name for tier in tiers] == ["pool-chat-mini", "pool-chat-standard"]
    assert placements("pool-chat-mini") == [("Nebius", 1, None), ("Fireworks", 2, None)]
    assert placements("pool-chat-standard") == [("Azure", 1, None), ("Fireworks", 2, None)]


def test_a_second_start_keeps_what_people_made_of_it() -> None:
    demo_groups.load()
    VirtualModel.objects.all().delete()
    RoutingGroup.objects.exclude(name="demo-ordered").delete()
    Provider.objects.filter(name="Azure").update(name="Azure, renamed")
    assert demo_groups.load() == "kept"
    assert list(RoutingGroup.objects.values_list("name", flat=True)) == ["demo-ordered"]
    assert Provider.objects.count() == 3


def test_a_start_on_another_port_moves_the_providers(settings: Any) -> None:
    demo_groups.load()
    settings.HOST, settings.PORT = "192.0.2.7", 9000
    assert demo_groups.load() == "moved"
    assert set(Provider.objects.values_list("api_base", flat=True)) == {
        f"http://192.0.2.7:9000/demo/upstream/{slug}/v1" for slug in ("nebius", "fireworks", "azure")
    }


def test_a_provider_of_that_name_stops_the_demo_but_not_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    create_provider(
        by=demo_groups.DEMO, type="custom", name="Azure", api_key="sk-mine", api_base="https://llm.example.com/v1"
    )
    call_command("load_demo")
    assert "not loaded" in capsys.readouterr().err
    assert Provider.objects.count() == 1
    assert not RoutingGroup.objects.exists()
