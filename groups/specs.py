"""Rows -> the engine's input: the only place that knows both.

Nothing here raises for a bad row: an unreadable key or policy becomes the `problem` of its deployments, so that a
broken group affects only itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import prefetch_related_objects

from engine.spec import (
    CooldownPolicy,
    DeploymentSpec,
    FallbackPolicy,
    GroupSpec,
    RetryPolicy,
    Router,
    Strategy,
    Unsupported,
)
from groups import config_checks
from groups.deployments.capacities import capacity_of
from groups.models import Deployment, RoutingGroup
from providers import secrets
from providers.catalog import price_map
from providers.exceptions import UnreadableKey
from providers.models import LanguageModel, Provider
from providers.presets import preset_of
from providers.secrets import Credentials

MILLION = 1_000_000
# A model's capability: it goes on with an answer that a request begins.
PREFILL = "prefill"
# The settings of providers that say where their models run.
REGIONS = ("aws_region_name", "vertex_location")


def active_specs() -> list[GroupSpec]:
    """Every active group; two queries."""
    return [spec_of(group) for group in RoutingGroup.objects.routable().with_credentials()]


def spec_of(group: RoutingGroup, deployments: Iterable[Deployment] | None = None) -> GroupSpec:
    """One group, with its stored deployments or with these.

    Deployments whose provider or model is disabled are left out.
    """
    retry, cooldown, fallback, router, unsupported, problem = _policies(group)
    given = group.deployments.all() if deployments is None else deployments
    rows = [row for row in given if row.model.enabled and row.model.provider.enabled]
    return GroupSpec(
        group_id=str(group.id),
        name=group.name,
        strategy=Strategy(group.strategy),
        deployments=tuple(_deployment(row, problem, unsupported) for row in rows),
        revision=group.revision,
        retry=retry,
        cooldown=cooldown,
        fallback=fallback,
        router=router,
        streams_upstream=problem is None and group.settings.get(config_checks.STREAM_UPSTREAM) is True,
        rescues=problem is None and config_checks.rescues(group.settings),
        sticky=config_checks.sticky_policy(group.settings) if problem is None else None,
        hedge=config_checks.hedge_policy(group.settings) if problem is None else None,
    )


def specs_with_fallbacks(group: RoutingGroup) -> list[GroupSpec]:
    """A group, active or not, then every active group that its fallbacks can reach; three queries."""
    names = [group.name, *fallbacks_of(group)]
    rows = RoutingGroup.objects.with_credentials().filter(name__in=names)
    specs = {row.name: spec_of(row) for row in rows}
    return [specs[name] for name in names if name in specs]


def specs_of_draft(group: RoutingGroup, deployments: Sequence[Deployment]) -> list[GroupSpec]:
    """The same for an unsaved or edited group; four queries."""
    prefetch_related_objects(deployments, "model__provider__key")
    names = fallbacks_of(group)
    specs = {row.name: spec_of(row) for row in RoutingGroup.objects.with_credentials().filter(name__in=names)}
    return [spec_of(group, deployments), *(specs[name] for name in names if name in specs)]


def fallbacks_of(group: RoutingGroup) -> list[str]:
    """The active groups that a group's fallbacks can reach, nearest first."""
    names, reached = [*config_checks.fallback_names(group.fallback_config)], dict[str, None]()
    if not names:
        return []
    configs = dict(RoutingGroup.objects.routable().values_list("name", "fallback_config"))
    while names:
        if (name := names.pop(0)) in configs and name != group.name and name not in reached:
            reached[name] = None
            names += config_checks.fallback_names(configs[name])
    return list(reached)


def spec_of_model(model: LanguageModel, stand_ins: Sequence[LanguageModel] = ()) -> GroupSpec:
    """A model of the catalog that is called directly: a group named `provider/model` of the model and its stand-ins, in
    order."""
    rows = [Deployment(model=row, priority=tier) for tier, row in enumerate((model, *stand_ins), start=1)]
    return GroupSpec(
        group_id=str(model.id),
        name=call_name(model.provider.name, model.name),
        strategy=Strategy.PRIORITY_FAILOVER if stand_ins else Strategy.SIMPLE_SHUFFLE,
        deployments=tuple(_deployment(row, None) for row in rows),
        revision=None,
    )


def callable_models() -> dict[str, UUID]:
    """`provider/model` -> id, for the models in service; one query."""
    rows = LanguageModel.objects.callable().values_list("provider__name", "name", "id")
    return {call_name(provider, name): model_id for provider, name, model_id in rows}


def call_name(provider: str, model: str) -> str:
    """The name by which a client calls a model of the catalog."""
    return f"{provider}/{model}"


def _policies(
    group: RoutingGroup,
) -> tuple[RetryPolicy, CooldownPolicy, FallbackPolicy, Router, Unsupported, str | None]:
    try:
        return (
            config_checks.retry_policy(group.retry_config),
            config_checks.cooldown_policy(group.cooldown_config),
            config_checks.fallback_policy(group.fallback_config),
            config_checks.router_of(group.settings),
            config_checks.unsupported_of(group.settings),
            None,
        )
    except ValidationError as error:
        problem = f"The settings of '{group.name}' can't be read: {' '.join(error.messages)} Save the group again."
        return RetryPolicy(), CooldownPolicy(), FallbackPolicy(), Router.NATIVE, Unsupported.DROP, problem


def _deployment(row: Deployment, problem: str | None, unsupported: Unsupported = Unsupported.DROP) -> DeploymentSpec:
    model, provider = row.model, row.model.provider
    preset = preset_of(provider.type)
    keys, unreadable = _credentials(provider)
    return DeploymentSpec(
        deployment_id=str(model.id),
        name=row.label,
        provider=provider.name,
        provider_type=preset.litellm_provider,
        upstream_model=model.name,
        api_base=provider.api_base or preset.base_url,
        api_key=keys.api_key,
        priority=row.priority,
        weight=row.weight,
        rpm=row.rpm or provider.rpm,
        tpm=row.tpm or provider.tpm,
        context_tokens=model.context_length,
        max_output_tokens=model.max_output_tokens,
        extra_headers=_extra_headers(row),
        extra_body={**provider.extra_body, **row.extra_body},
        base_model=model.base_model,
        limit_name=model.limit_name,
        system_role=model.system_role,
        max_parallel=row.max_parallel,
        max_wait_s=row.max_wait_s,
        input_cost_per_token_usd=_per_token(model.input_cost_per_million),
        output_cost_per_token_usd=_per_token(model.output_cost_per_million),
        cached_input_cost_per_token_usd=_per_token(model.cached_input_cost_per_million),
        cache_write_cost_per_token_usd=_per_token(model.cache_write_cost_per_million),
        unit=model.unit,
        cost_per_unit_usd=None if model.price_per_unit is None else float(model.price_per_unit),
        provider_id=str(provider.id),
        problem=problem or unreadable,
        lacks_credentials=problem is None and unreadable is not None,
        options=_options(provider),
        credentials=keys.others,
        dialects=_dialects(provider, model),
        unsupported=unsupported,
        prefills=_prefills(provider, model),
        capacity=capacity_of(row.capacity),
        region=row.region or region_of(provider),
    )


def region_of(provider: Provider) -> str:
    """Where its models run, as far as its settings say; else empty."""
    return next((str(provider.settings[name]) for name in REGIONS if provider.settings.get(name)), "")


def _prefills(provider: Provider, model: LanguageModel) -> bool:
    """Whether a model goes on with an answer that a request begins: the catalog says so, or the price map."""
    named = {"type": provider.type, "model_name": model.name, "base_model": model.base_model}
    return PREFILL in model.capabilities or price_map.can_prefill(**named)


def _dialects(provider: Provider, model: LanguageModel) -> frozenset[str]:
    """What is spoken with a model without LiteLLM: some answer only in Responses."""
    spoken = frozenset(provider.dialects) or preset_of(provider.type).dialects_at(provider.api_base)
    named = {"type": provider.type, "model_name": model.name, "base_model": model.base_model}
    if "responses" in spoken and price_map.answers_in(**named) == "responses":
        return frozenset({"responses"})
    return spoken


def _extra_headers(row: Deployment) -> tuple[tuple[str, str], ...]:
    """The provider's and the deployment's own, which win; in lower case, so that each is sent once."""
    both = (*row.model.provider.extra_headers.items(), *row.extra_headers.items())
    return tuple({name.lower(): value for name, value in both}.items())


def _options(provider: Provider) -> tuple[tuple[str, str], ...]:
    """The further options of the provider's type, with defaults for those that are not set."""
    wanted = preset_of(provider.type).settings
    values = {field.name: provider.settings.get(field.name) or field.default for field in wanted}
    return tuple((name, value) for name, value in values.items() if value)


def _credentials(provider: Provider) -> tuple[Credentials, str | None]:
    """The provider's secrets, or why they can't be read; a provider may have none."""
    row: Any = getattr(provider, "key", None)
    try:
        return (secrets.read(row) if row else Credentials()), None
    except UnreadableKey as error:
        return Credentials(), str(error)


def _per_token(per_million: Decimal | None) -> float | None:
    return None if per_million is None else float(per_million / MILLION)
