"""The templates: three pairs of virtual models under two spellings each, and their pools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.transaction import atomic

from access.models import Actor
from groups.actions import create_group
from groups.deployments.placements import Placement
from groups.models import RoutingGroup, Strategy, VirtualModel
from groups.routing_rules.facts import is_embedding
from groups.virtual.actions import create_virtual_model
from groups.virtual.tiers import TierPlan
from providers import config_version
from providers.models import LanguageModel

THRESHOLD = 50
MOST_DEPLOYMENTS = 3


@dataclass(frozen=True, slots=True)
class PoolTemplate:
    """A pool, and the words that find its models in a catalog; if no name matches, the price decides."""

    name: str
    words: tuple[str, ...]
    is_large: bool = False

    @property
    def size(self) -> str:
        return "large" if self.is_large else "small"


@dataclass(frozen=True, slots=True)
class Template:
    """A small and a large pool, and the virtual models that choose between them."""

    names: tuple[str, str]
    small: PoolTemplate
    large: PoolTemplate


@dataclass(frozen=True, slots=True)
class Installed:
    """The names of the added virtual models and pools."""

    virtual_models: tuple[str, ...]
    pools: tuple[str, ...]


TEMPLATES = (
    Template(
        ("auto-chat", "chat-auto"),
        PoolTemplate("pool-chat-mini", ("mini", "flash", "small")),
        PoolTemplate("pool-chat-standard", (), is_large=True),
    ),
    Template(
        ("auto-codex", "codex-auto"),
        PoolTemplate("pool-codex-mini", ("codex-mini", "mini")),
        PoolTemplate("pool-codex-heavy", ("codex", "coder"), is_large=True),
    ),
    Template(
        ("auto-claude", "claude-auto"),
        PoolTemplate("pool-claude-haiku", ("haiku",)),
        PoolTemplate("pool-claude-sonnet", ("sonnet",), is_large=True),
    ),
)


@atomic
def install_templates(*, by: Actor) -> Installed:
    """Adds the missing virtual models and pools. Raises ValidationError if there is no usable model."""
    config_version.bump()
    pools = tuple(name for template in TEMPLATES for name in _add_pools(template, by))
    present = set(VirtualModel.objects.values_list("name", flat=True))
    names = [(name, template) for template in TEMPLATES for name in template.names if name not in present]
    for name, template in names:
        _add(name, template, by)
    return Installed(tuple(name for name, _ in names), pools)


def _add(name: str, template: Template, by: Actor) -> None:
    create_virtual_model(
        by=by,
        name=name,
        description=f"Short and simple messages go to {template.small.name}, the others to {template.large.name}.",
        tiers=[
            TierPlan(pool=template.small.name),
            TierPlan(pool=template.large.name, minimum_score=THRESHOLD),
        ],
    )


def _add_pools(template: Template, by: Actor) -> list[str]:
    """Creates the missing pools; returns their names."""
    pools = {pool.name: pool for pool in (template.small, template.large)}
    present = RoutingGroup.objects.filter(name__in=pools).values_list("name", flat=True)
    missing = [pool for name, pool in pools.items() if name not in set(present)]
    for pool in missing:
        add_pool(template, pool, by=by, deployments=_placements(pool))
    return [pool.name for pool in missing]


def add_pool(
    template: Template, pool: PoolTemplate, *, by: Actor, deployments: Sequence[Placement], **configs: Any
) -> None:
    """Adds one of a template's pools."""
    create_group(
        by=by,
        name=pool.name,
        description=f"The {pool.size} pool of {' and '.join(template.names)}.",
        strategy=Strategy.PRIORITY_FAILOVER,
        deployments=deployments,
        **configs,
    )


def _placements(pool: PoolTemplate) -> list[Placement]:
    models = chosen_models(pool, list(LanguageModel.objects.callable().select_related("provider")))
    if not models:
        raise ValidationError("Add a model to the catalog first: the pools of the templates need one that chats.")
    return [Placement(model_id=model.id, priority=tier) for tier, model in enumerate(models, start=1)]


def chosen_models(pool: PoolTemplate, models: Sequence[LanguageModel]) -> list[LanguageModel]:
    """The models that fit a pool, best first: the cheapest for a small pool, the best for a large one."""
    chats = [model for model in models if not is_embedding(model)]
    named = [model for model in chats if any(word in model.name.lower() for word in pool.words)]
    return sorted(named or chats, key=_unquality if pool.is_large else _price)[:MOST_DEPLOYMENTS]


def _price(model: LanguageModel) -> tuple[bool, Decimal, str]:
    """Cheapest first, unknown prices last."""
    price = model.output_cost_per_million
    return price is None, price or Decimal(0), str(model)


def _unquality(model: LanguageModel) -> tuple[int, str]:
    return -(model.quality_score or 0), str(model)
