"""A LiteLLM proxy's `config.yaml` -> routing groups. Settings without an equivalent here are listed, with reasons.
Pure.

Entries of one `model_name` make a group: `order` makes it priority-failover, `weight` weighted, else the strategy of
its entry in `routing_groups` or of the router counts. A name in `routing_groups` that is not a model_name is callable
in LiteLLM, and becomes a group with the deployments of its models.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError

from engine.spec import RetryPolicy
from groups.deployments.placements import MAX_DEPLOYMENTS, Placement
from groups.models import Strategy
from interchange.bundle import MAX_GROUPS, Bundle, GroupDraft, ModelDraft, ProviderDraft, Remark
from interchange.bundle import named as named_in
from interchange.litellm_config.document import load, mapping, sequence
from interchange.litellm_config.fallbacks import EVERY
from interchange.litellm_config.litellm_names import FALLBACKS, INSTEAD
from interchange.litellm_config.model_list import ModelEntry, entry_of, told_apart
from interchange.litellm_config.names import with_legal_names
from interchange.litellm_config.router_settings import NUMBERS, NamedStrategy, RouterSettings, settings_of, strategy_of
from interchange.litellm_config.tracked_mapping import Fields
from interchange.litellm_config.weights import tiers, whole_weights
from interchange.places import Wrong, wrong

MAX_ENTRIES = 5000


@dataclass(frozen=True, slots=True)
class _Found:
    """A group that was read, and what was left out."""

    group: GroupDraft | None
    remarks: tuple[Remark, ...]


def bundle_from(content: str) -> Bundle:
    """The content of the file; raises ValidationError for `content`, naming the place. Its keys must be sealed."""
    document = load(content)
    rows = sequence(document.get("model_list"), "model_list")
    if not rows:
        raise wrong("model_list", "There is no model in this file; a LiteLLM config.yaml lists its models here.")
    if len(rows) > MAX_ENTRIES:
        raise wrong("model_list", f"Import at most {MAX_ENTRIES:,} entries at once.")
    credentials, unnamed = _credentials(document)
    read = [entry_of(row, f"model_list[{number}]", credentials) for number, row in enumerate(rows)]
    settings = settings_of(document)
    entries = told_apart([entry for entry in read if isinstance(entry, ModelEntry)])
    found = [_group(name, own, strategy, settings) for name, own, strategy in _groups(entries, settings)]
    drafts = [one.group for one in found if one.group]
    groups, renamed = with_legal_names(drafts)
    names = {old.name: new.name for old, new in zip(drafts, groups, strict=True)}
    return Bundle(
        groups=tuple(groups),
        providers=_providers(entries),
        models=_models(entries),
        aliases={alias: names.get(target, target) for alias, target in settings.aliases.items()},
        remarks=(
            *unnamed,
            *(entry for entry in read if isinstance(entry, Remark)),
            *(remark for entry in entries for remark in entry.remarks),
            *(remark for one in found for remark in one.remarks),
            *renamed,
            *_of_nobody(settings, {entry.group for entry in entries}),
            *settings.remarks,
        ),
        is_partial=True,
    )


def _credentials(document: Mapping[str, Any]) -> tuple[dict[str, Mapping[str, Any]], list[Remark]]:
    """Named credentials that entries refer to, by name."""
    found: dict[str, Mapping[str, Any]] = {}
    remarks: list[Remark] = []
    place = "credential_list"
    try:
        for position, row in enumerate(sequence(document.get(place), place)):
            fields = Fields(row, f"{place}[{position}]")
            name = fields.text("credential_name")
            if not name:
                remarks.append(Remark(fields.place, "It has no credential_name. It is left out."))
                continue
            found[name] = mapping(fields.get("credential_values"), fields.at("credential_values"))
            fields.get("credential_info")
            remarks += fields.left_out(fields.place)
    except Wrong as error:
        remarks.append(Remark(error.place, f"{error.why} It and those after it are left out."))
    return found, remarks


def _of_nobody(settings: RouterSettings, groups: Collection[str]) -> Iterator[Remark]:
    """Settings for names without an entry."""
    callable = {*groups, *(named.name for named in settings.named), EVERY}
    for kind, of in settings.fallbacks.items():
        missing = [name for name in of if name not in callable]
        yield from named_in(FALLBACKS[kind], "Left out, because no entry with this name is imported:", missing)
    for strategy in settings.named:
        missing = [name for name in strategy.models if name not in groups]
        yield from named_in(strategy.name, "It has no imported entry for these of its models:", missing)


def _providers(entries: Sequence[ModelEntry]) -> tuple[ProviderDraft, ...]:
    return tuple({entry.provider.name: entry.provider for entry in entries}.values())


def _models(entries: Sequence[ModelEntry]) -> tuple[ModelDraft, ...]:
    """Each model once; an entry with prices wins."""
    found: dict[tuple[str, str], ModelDraft] = {}
    for model in (entry.model for entry in entries):
        key = (model.provider, model.name)
        if key not in found or not found[key].prices:
            found[key] = model
    return tuple(found.values())


def _groups(entries: Sequence[ModelEntry], settings: RouterSettings) -> Iterator[tuple[str, list[ModelEntry], str]]:
    """(name, entries, LiteLLM's strategy) of every name that clients of the proxy can call."""
    by_name: dict[str, list[ModelEntry]] = {}
    for entry in entries:
        by_name.setdefault(entry.group, []).append(entry)
    _check_size(by_name, settings.named)
    owners = {model: named for named in settings.named if named.strategy != "priority" for model in named.models}
    for name, own in by_name.items():
        yield name, own, owners[name].strategy if name in owners else settings.strategy
    for named in settings.named:
        if named.name not in (*by_name, INSTEAD):
            members = [entry for model in named.models for entry in by_name.get(model, ())]
            yield named.name, [_member(named, entry) for entry in members], _plain(named.strategy)


def _check_size(by_name: Mapping[str, Sequence[ModelEntry]], named: Sequence[NamedStrategy]) -> None:
    """Each of `routing_groups` repeats the entries of its models: a few lines can mean millions of deployments."""
    if len(by_name) + len(named) > MAX_GROUPS:
        raise wrong("model_list", f"Import at most {MAX_GROUPS:,} names at once; each becomes a routing group.")
    if sum(len(by_name.get(model, ())) for row in named for model in row.models) > MAX_ENTRIES:
        raise wrong("router_settings.routing_groups", f"Together they hold more than {MAX_ENTRIES:,} entries.")


def _member(named: NamedStrategy, entry: ModelEntry) -> ModelEntry:
    """An entry as a member of a callable routing group: a priority of its own replaces the entry's order."""
    return replace(entry, order=named.priorities.get(entry.group, entry.order), remarks=())


def _plain(strategy: str) -> str:
    return "simple-shuffle" if strategy == "priority" else strategy


def _group(name: str, entries: list[ModelEntry], litellm_strategy: str, settings: RouterSettings) -> _Found:
    base = strategy_of(litellm_strategy)
    if base is None:
        why = f"Left out: the strategy '{litellm_strategy[:80]}' has no equivalent here."
        return _Found(None, (Remark(name, why),))
    if not entries:
        return _Found(None, (Remark(name, "None of its models can be imported."),))
    kept, remarks = _distinct(name, entries)
    strategy = _led(kept, base)
    if strategy == Strategy.PRIORITY_FAILOVER and (base != Strategy.SIMPLE_SHUFFLE or _is_weighted(kept)):
        remarks.append(
            Remark(name, "Within a tier it picks at random here: order leads, and weights or strategy don't.")
        )
    configs, differing = _configs(name, kept, settings)
    configs["retry_config"] = _with_first_token(configs["retry_config"], settings)
    fields = {"strategy": str(strategy), **configs, "fallback_config": settings.fall_back(name)}
    return _Found(GroupDraft(name, tuple(_placements(kept, strategy)), fields), (*remarks, *differing))


def _with_first_token(retry: Mapping[str, Any], settings: RouterSettings) -> dict[str, Any]:
    """LiteLLM lets the first token of a stream take as long as a whole answer, unless `stream_timeout` says otherwise.

    What equals our default is no setting.
    """
    limit_s = retry.get("first_token_timeout_s")
    if limit_s is None and not settings.has_stream_timeout:
        limit_s = retry.get("timeout_s")
    rest = {key: value for key, value in retry.items() if key != "first_token_timeout_s"}
    default_s = RetryPolicy(timeout_s=retry.get("timeout_s", RetryPolicy().timeout_s)).limit_s(is_stream=True)
    return rest if limit_s is None or limit_s == default_s else {**rest, "first_token_timeout_s": limit_s}


def _distinct(name: str, entries: Sequence[ModelEntry]) -> tuple[list[ModelEntry], list[Remark]]:
    """Our groups contain a model only once."""
    kept: dict[tuple[str, str], ModelEntry] = {}
    remarks = []
    for entry in entries:
        key = (entry.provider.name, entry.model.name)
        if key not in kept and len(kept) < MAX_DEPLOYMENTS:
            kept[key] = entry
            continue
        why = "is there before" if key in kept else f"comes after {MAX_DEPLOYMENTS} others"
        remarks.append(Remark(f"{entry.place} ({name})", f"{key[0]}/{key[1]} {why}; left out."))
    return list(kept.values()), remarks


def _led(entries: Sequence[ModelEntry], base: str) -> str:
    if any(entry.order is not None for entry in entries):
        return Strategy.PRIORITY_FAILOVER
    return Strategy.WEIGHTED if base == Strategy.SIMPLE_SHUFFLE and _is_weighted(entries) else base


def _is_weighted(entries: Sequence[ModelEntry]) -> bool:
    return any(entry.weight for entry in entries)


def _placements(entries: Sequence[ModelEntry], strategy: str) -> Iterator[Placement]:
    priorities = tiers([entry.order for entry in entries])
    weights = whole_weights([entry.weight for entry in entries], needed=strategy == Strategy.WEIGHTED)
    for entry, priority, weight in zip(entries, priorities, weights, strict=True):
        yield Placement(
            provider=entry.provider.name,
            model_name=entry.model.name,
            priority=priority,
            weight=weight,
            display_name=entry.display_name,
            rpm=entry.rpm,
            max_parallel=entry.max_parallel,
            tpm=entry.tpm,
        )


def _configs(
    name: str, entries: Sequence[ModelEntry], settings: RouterSettings
) -> tuple[dict[str, dict[str, Any]], list[Remark]]:
    """The router's settings, overridden by those that all deployments of the group share."""
    configs = {config: dict(values) for config, values in settings.configs.items()}
    remarks = []
    for config, keys in NUMBERS.items():
        for key, rule in keys.items():
            values = [entry.settings[config].get(key) for entry in entries]
            if values.count(None) == len(values):
                continue
            try:
                if len(set(values)) > 1:
                    raise ValidationError(f"{key} differs between its deployments; a group has one.")
                configs[config][key] = rule.check(key, values[0])
            except ValidationError as error:
                remarks.append(Remark(name, f"{' '.join(error.messages)} Left out."))
    return configs, remarks
