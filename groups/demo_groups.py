"""The demo in the database: three providers that this server simulates, with groups and virtual models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from django.db.models import Q
from django.db.transaction import atomic

from access.keys import KeyHolder
from access.models import Role
from groups.actions import create_group
from groups.deployments.placements import Placement
from groups.models import Strategy
from groups.virtual.templates import TEMPLATES, add_pool, install_templates
from providers import config_version
from providers.actions import create_model, create_provider
from providers.demo.behaviour import DEMO_KEY, PROVIDERS, DemoProvider, api_base, path_of
from providers.models import LanguageModel, Provider

DEMO = KeyHolder(name="demo", effective_role=Role.ADMIN)
ORDERED = "demo-ordered"
WEIGHTS = {"nebius": 83, "fireworks": 10, "azure": 7}
# Short times, so that a newcomer sees a failing provider cool down and come back; who asks for `auto` gets an answer.
CONFIGS: dict[str, Any] = {
    "retry_config": {"num_retries": 1, "timeout_s": 20},
    "cooldown_config": {"cooldown_time_s": 10, "allowed_fails": 1},
    "settings": {"in_power_levels": True},
}


@atomic
def load(*, by: KeyHolder = DEMO) -> Literal["loaded", "moved", "kept"]:
    """Loads the demo once. An existing demo keeps people's changes, but its addresses follow the port."""
    config_version.bump()
    rows = _present()
    if rows:
        moved = [row for row in rows if _follow_port(row)]
        return "moved" if moved else "kept"
    models = {slug: _create(demo, by) for slug, demo in PROVIDERS.items()}
    create_group(
        by=by,
        name=ORDERED,
        description="Nebius answers; when it fails Fireworks does, then Azure.",
        strategy=Strategy.PRIORITY_FAILOVER,
        deployments=[Placement(model_id=m.id, priority=tier) for tier, m in enumerate(models.values(), start=1)],
        **CONFIGS,
    )
    create_group(
        by=by,
        name="demo-weighted",
        description="Nebius takes 83 of 100 requests, Fireworks 10, Azure 7.",
        strategy=Strategy.WEIGHTED,
        deployments=[Placement(model_id=m.id, weight=WEIGHTS[slug]) for slug, m in models.items()],
        **CONFIGS,
    )
    _add_virtual_models(models, by)
    return "loaded"


def _add_virtual_models(models: Mapping[str, LanguageModel], by: KeyHolder) -> None:
    """Adds the virtual models of the templates: Nebius is their small pool, Azure the large one, Fireworks the second
    choice of both."""
    for template in TEMPLATES:
        for pool in (template.small, template.large):
            first = models["azure" if pool.is_large else "nebius"]
            placed = [Placement(model_id=m.id, priority=n) for n, m in enumerate((first, models["fireworks"]), 1)]
            add_pool(template, pool, by=by, deployments=placed, **CONFIGS)
    install_templates(by=by)


def _present() -> list[Provider]:
    """The rows of the demo's providers, also under new names."""
    is_demo = Q(pk__in=[])
    for demo in PROVIDERS.values():
        is_demo |= Q(api_base__endswith=path_of(demo))
    return list(Provider.objects.filter(is_demo))


def _follow_port(row: Provider) -> bool:
    """Points a demo provider at this server's current address; returns whether that is a change."""
    now = next(api_base(demo) for demo in PROVIDERS.values() if row.api_base.endswith(path_of(demo)))
    return bool(Provider.objects.filter(pk=row.pk).exclude(api_base=now).update(api_base=now))


def _create(demo: DemoProvider, by: KeyHolder) -> LanguageModel:
    """Creates a provider with its models; returns the chat model."""
    provider = create_provider(by=by, type="custom", name=demo.name, api_key=DEMO_KEY, api_base=api_base(demo))
    rows = [
        create_model(
            by=by,
            provider=provider,
            name=model.name,
            display_name=model.display_name,
            input_cost_per_million=model.input_usd,
            output_cost_per_million=model.output_usd,
            context_length=model.context_length,
        )
        for model in demo.models
    ]
    return rows[0]
