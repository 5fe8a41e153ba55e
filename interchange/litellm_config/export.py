"""Routing groups -> a LiteLLM proxy's `config.yaml`. Keys are references to environment variables, never keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from engine.spec import FIRST_TOKEN_S, RetryPolicy
from groups.deployments.placements import Placement
from groups.models import Strategy
from groups.rules import NOT_LITELLMS
from interchange.bundle import Bundle, GroupDraft, ModelDraft, ProviderDraft
from interchange.litellm_config.litellm_names import (
    COSTS,
    ENVIRONMENT,
    FALLBACKS,
    INSTEAD,
    LED,
    NO_KEY,
    OURS,
    PER_DEPLOYMENT,
    PER_ROUTER,
    RESERVED,
)
from providers.presets import preset_of

MILLION = 1_000_000
DEFAULTS = RetryPolicy()
# Settings that LiteLLM has only for the whole router.
ROUTER_ONLY = ("retry_after_s", "max_fallbacks")


class _Dumper(yaml.SafeDumper):
    """No anchors: people read and copy single entries."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def written(
    bundle: Bundle, *, left_out: Sequence[str] = (), sections: Mapping[str, Mapping[str, Any]] | None = None
) -> str:
    """The file: comments with what it needs and what it can't express, then the configuration.

    `left_out` are the caller's own lines for the latter, `sections` its own settings by section. Every group of the
    bundle must have a deployment, and the bundle must contain all their providers and models.
    """
    models = {(model.provider, model.name): model for model in bundle.models}
    config: dict[str, Any] = {
        "model_list": [
            _row(group, placement, _provider(bundle, placement), models.get((placement.provider, placement.model_name)))
            for group in bundle.groups
            for placement in group.deployments
        ],
        "router_settings": _router_settings(bundle.groups),
    }
    for section, settings in (sections or {}).items():
        config[section] = {**config.get(section, {}), **settings}
    body = yaml.dump(config, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return "".join(map(_comment, _header(bundle, left_out))) + "\n" + body


def _comment(line: str) -> str:
    """Always one line, for any names in it: YAML has more line separators than `\n`."""
    return f"# {''.join(c if c.isprintable() else ' ' for c in line)}".rstrip() + "\n"


def _provider(bundle: Bundle, placement: Placement) -> ProviderDraft:
    found = bundle.provider(placement.provider)
    if found is None:
        raise LookupError(f"The bundle lacks the provider {placement.provider}.")
    return found


def _row(group: GroupDraft, placement: Placement, provider: ProviderDraft, model: ModelDraft | None) -> dict[str, Any]:
    params = {
        "model": f"{preset_of(provider.type).litellm_provider}/{placement.model_name}",
        "api_base": provider.api_base or None,
        "api_key": _key(provider),
        **_provider_settings(provider),
        **{name: ENVIRONMENT + variable for name, variable in provider.references},
        "order": placement.priority if group.strategy == Strategy.PRIORITY_FAILOVER else None,
        "weight": placement.weight if group.strategy == Strategy.WEIGHTED else None,
        "rpm": placement.rpm,
        "tpm": placement.tpm,
        "max_parallel_requests": placement.max_parallel,
        **_prices(group, model),
        **_own_settings(group, "litellm_params"),
    }
    ours = {"provider": provider.name, "type": provider.type, "display_name": placement.display_name or None}
    base_model = (model and model.base_model) or None
    info = {**_own_settings(group, "model_info"), "base_model": base_model, OURS: _given(ours)}
    return {"model_name": group.name, "litellm_params": _given(params), "model_info": _given(info)}


def _key(provider: ProviderDraft) -> str | None:
    if provider.key_reference:
        return ENVIRONMENT + provider.key_reference
    return NO_KEY if preset_of(provider.type).litellm_provider == "openai" else None


def _provider_settings(provider: ProviderDraft) -> dict[str, str | None]:
    """LiteLLM's fields beside address and key, such as a region; our default for an empty one."""
    fields = preset_of(provider.type).settings
    return {field.name: provider.settings.get(field.name) or field.default or None for field in fields}


def _prices(group: GroupDraft, model: ModelDraft | None) -> dict[str, float]:
    """Only cost-based routing reads prices here; for others they would slow each call down."""
    if group.strategy != Strategy.COST_BASED or model is None:
        return {}
    return {COSTS[name]: float(price / MILLION) for name, price in model.prices.items()}


def _own_settings(group: GroupDraft, where: str) -> dict[str, Any]:
    """The group's retries, timeouts and cooldown, which LiteLLM keeps on each deployment."""
    return {
        name: value
        for config, keys in PER_DEPLOYMENT.items()
        for key, (room, name) in keys.items()
        if room == where and (value := _own(group, config, key)) is not None
    }


def _own(group: GroupDraft, config: str, key: str) -> Any:
    """A setting of the group; LiteLLM takes a router's `stream_timeout` also where a deployment's `timeout` is less."""
    value = group.config(config).get(key)
    if key != "first_token_timeout_s" or value is not None:
        return value
    timeout_s = group.config(config).get("timeout_s")
    return timeout_s if timeout_s is not None and timeout_s < FIRST_TOKEN_S else None


def _router_settings(groups: Sequence[GroupDraft]) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "routing_strategy": "simple-shuffle",
        "num_retries": DEFAULTS.num_retries,
        "timeout": DEFAULTS.timeout_s,
        "stream_timeout": FIRST_TOKEN_S,
    }
    for key in ROUTER_ONLY:
        settings[PER_ROUTER["retry_config"][key]] = _shared(groups, key)
    if any(group.strategy == Strategy.WEIGHTED for group in groups):
        settings["enable_weighted_failover"] = True
    own = [_routing_group(group) for group in groups if _is_selected(group)]
    fallbacks = {name: list(_fallbacks(groups, key)) for key, name in FALLBACKS.items()}
    return {**settings, **{name: value for name, value in {"routing_groups": own, **fallbacks}.items() if value}}


def _shared(groups: Sequence[GroupDraft], key: str) -> Any:
    """The value of a setting that all groups share, or our default if they differ."""
    values = {_effective(group, key) for group in groups}
    return values.pop() if len(values) == 1 else getattr(DEFAULTS, key)


def _effective(group: GroupDraft, key: str) -> Any:
    value = group.config("retry_config").get(key)
    return getattr(DEFAULTS, key) if value is None else value


def _is_selected(group: GroupDraft) -> bool:
    """Whether its strategy is a LiteLLM selector other than the default shuffle."""
    return group.strategy not in (*LED, Strategy.SIMPLE_SHUFFLE)


def _routing_group(group: GroupDraft) -> dict[str, Any]:
    """LiteLLM's own notion: a strategy for some model names.

    With the name of its one member it adds no further model.
    """
    name = INSTEAD if group.name == RESERVED else group.name
    return {"group_name": name, "models": [group.name], "routing_strategy": group.strategy}


def _fallbacks(groups: Sequence[GroupDraft], key: str) -> Iterator[dict[str, list[str]]]:
    here = {group.name for group in groups}
    for group in groups:
        if names := [name for name in group.config("fallback_config").get(key) or () if name in here]:
            yield {group.name: names}


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _header(bundle: Bundle, left_out: Sequence[str]) -> Iterator[str]:
    yield "Routing groups for a LiteLLM proxy, exported from Routing Console: litellm --config config.yaml"
    references = {p.key_reference: f"the API key of {p.name}" for p in bundle.providers if p.key_reference}
    references |= {variable: f"{name} of {p.name}" for p in bundle.providers for name, variable in p.references}
    if references:
        yield from ("", "It needs these environment variables; no key is in this file:")
        yield from (f"  {reference}  {what}" for reference, what in references.items())
    if lost := [*left_out, *_inexpressible(bundle.groups)]:
        yield from ("", "What LiteLLM's configuration can't say:")
        yield from (f"  - {line}" for line in lost)


def _ours_alone(group: GroupDraft) -> Iterator[str]:
    """The settings that LiteLLM's Router does not have."""
    for config, keys in NOT_LITELLMS.items():
        if lost := [key for key in keys if group.config(config).get(key) not in (None, False)]:
            yield f"{group.name}: {', '.join(lost)} of {config}."


def _inexpressible(groups: Sequence[GroupDraft]) -> Iterator[str]:
    here = {group.name for group in groups}
    shared = {key: _shared(groups, key) for key in ROUTER_ONLY}
    for group in groups:
        retry = group.config("retry_config")
        if retry.get("stream_idle_timeout_s") is not None:
            yield f"{group.name}: a stream may be silent for {retry['stream_idle_timeout_s']:g} s."
        if retry.get("total_timeout_s") is not None:
            yield f"{group.name}: a request may take {retry['total_timeout_s']:g} s in all."
        yield from _ours_alone(group)
        if any(placement.max_wait_s for placement in group.deployments):
            yield f"{group.name}: max_wait_s, the wait for a place where max_parallel requests are served already."
        if any(placement.capacity for placement in group.deployments):
            yield f"{group.name}: capacity, which only rehearsals count with."
        if any(placement.region for placement in group.deployments):
            yield f"{group.name}: region, which only rehearsals count with."
        for key, used in shared.items():
            if (value := _effective(group, key)) != used:
                yield f"{group.name}: {key} is {value:g}; LiteLLM has one for all groups, here {used:g}."
        if group.name == RESERVED and _is_selected(group):
            yield f"{group.name}: a name LiteLLM keeps for itself; the proxy lists {INSTEAD} beside it."
        named = [name for key in FALLBACKS for name in group.config("fallback_config").get(key) or ()]
        yield from (
            f"{group.name}: falls back to {name}, which is not in this file." for name in named if name not in here
        )
    if any(group.strategy == Strategy.WEIGHTED for group in groups) and len(groups) > 1:
        yield "A failed request moves on by weight in all groups, as LiteLLM has one enable_weighted_failover."
    yield "Descriptions, teams, keys and settings of groups: they stay in the console."
