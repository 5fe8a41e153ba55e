"""Rows -> bundles, and the state of the console for planning an import."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from engine.spec import Secret
from groups.deployments.placements import Placement
from groups.models import Deployment, RoutingGroup, RoutingRules
from groups.rules import taken_names
from groups.versions.snapshots import FIELDS, PLACED
from interchange.bundle import UNPRICED, Bundle, GroupDraft, ModelDraft, ProviderDraft
from interchange.references import distinct_references
from providers import secrets
from providers.catalog.price_map import PRICES
from providers.exceptions import UnreadableKey
from providers.models import LanguageModel, Provider, ProviderKey
from providers.presets import preset_of
from providers.secrets import Credentials


@dataclass(frozen=True, slots=True)
class KnownProvider:
    """A provider of the console; `key` and `credentials` only on request."""

    name: str
    type: str
    api_base: str
    settings: Mapping[str, str] = field(default_factory=dict)
    key: Secret | None = None
    credentials: Mapping[str, Secret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """The state of the console before an import. `models`: (provider's name, case folded; model's name) -> its prices.

    `taken`: names that no new group may have, with reasons. `aliases`: alias -> target.
    """

    providers: tuple[KnownProvider, ...] = ()
    models: Mapping[tuple[str, str], Mapping[str, Decimal | None]] = field(default_factory=dict)
    groups: Mapping[str, GroupDraft] | None = None
    taken: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)


def bundle_of(groups: Iterable[RoutingGroup]) -> Bundle:
    """Groups with their providers and models; no query if they are loaded `with_credentials`. No key is read."""
    rows = list(groups)
    models = {row.model_id: row.model for group in rows for row in group.deployments.all()}
    providers = {model.provider_id: model.provider for model in models.values()}
    references = distinct_references(p.name for p in providers.values() if _has_key(p))
    prefixes = distinct_references(p.name for p in providers.values())
    return Bundle(
        groups=tuple(draft_of(group) for group in rows),
        providers=tuple(_provider(row, references, prefixes[row.name]) for row in providers.values()),
        models=tuple(_model(row) for row in models.values()),
    )


def servable(groups: Iterable[RoutingGroup]) -> tuple[list[RoutingGroup], list[str]]:
    """The active groups without disabled deployments; and what was left out, for people."""
    kept, left_out = [], []
    for group in groups:
        rows = list(group.deployments.all())
        live = [row for row in rows if row.model.enabled and row.model.provider.enabled]
        left_out += [f"{group.name}: {row.model} is disabled." for row in rows if row not in live]
        if not group.is_active or not live:
            left_out.append(f"{group.name}: {'has no deployment left' if group.is_active else 'is inactive'}.")
            continue
        group._prefetched_objects_cache = {"deployments": live}  # type: ignore[attr-defined]
        kept.append(group)
    return kept, left_out


def draft_of(group: RoutingGroup) -> GroupDraft:
    """One group, with the names of its deployments' providers and models."""
    fields = {name: getattr(group, name) for name in FIELDS if name != "name"}
    return GroupDraft(group.name, tuple(_placement(row) for row in group.deployments.all()), fields)


def known(*, with_keys: bool = False) -> Known:
    """The current state; seven queries, and one more with the keys."""
    keys = (
        {key.provider_id: _secrets(key) for key in ProviderKey.objects.select_related("provider")} if with_keys else {}
    )
    rows = LanguageModel.objects.values_list("provider__name", "name", *PRICES)
    groups = RoutingGroup.objects.with_deployments()
    return Known(
        providers=tuple(_known_provider(row, keys.get(row.pk, Credentials())) for row in Provider.objects.all()),
        models={(row[0].casefold(), row[1]): dict(zip(PRICES, row[2:], strict=True)) for row in rows},
        groups={group.name: draft_of(group) for group in groups},
        taken=taken_names(RoutingGroup),
        aliases=RoutingRules.objects.current().model_aliases,
    )


def _known_provider(row: Provider, held: Credentials) -> KnownProvider:
    return KnownProvider(row.name, row.type, row.api_base, row.settings, held.api_key, dict(held.others))


def _placement(row: Deployment) -> Placement:
    placed = {name: getattr(row, name) for name in PLACED}
    return Placement(provider=row.model.provider.name, model_name=row.model.name, **placed)


def _has_key(provider: Provider) -> bool:
    holds = hasattr(provider, "key") and bool(provider.key.hint)
    return holds or (preset_of(provider.type).needs_key and not provider.api_base)


def _provider(row: Provider, references: Mapping[str, str], prefix: str) -> ProviderDraft:
    reference = references.get(row.name, "")
    return ProviderDraft(
        name=row.name,
        type=row.type,
        api_base=row.api_base,
        key_reference=reference,
        settings=row.settings,
        dialects=row.dialects,
        extra_headers=row.extra_headers,
        extra_body=row.extra_body,
        references=tuple(_other_secrets(row, prefix.removesuffix("_API_KEY"))),
    )


def _other_secrets(row: Provider, prefix: str) -> Iterator[tuple[str, str]]:
    """A variable for each secret beside the key, such as `(aws_secret_access_key, EU_AWS_SECRET_ACCESS_KEY)`."""
    held = row.key.hints if hasattr(row, "key") else {}
    yield from ((name, f"{prefix}_{name.upper()}") for name in held)


def _model(row: LanguageModel) -> ModelDraft:
    kept = (*PRICES, "price_per_unit", *UNPRICED)
    fields = {name: getattr(row, name) for name in kept}
    return ModelDraft(provider=row.provider.name, name=row.name, display_name=row.display_name, **fields)


def _secrets(key: ProviderKey) -> Credentials:
    try:
        return secrets.read(key)
    except UnreadableKey:
        return Credentials()
