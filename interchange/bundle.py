"""The content of a file of routing groups, in any format. Pure data; without ids and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine.spec import Secret
from groups.deployments.placements import Placement
from providers.catalog.price_map import PRICES
from providers.presets import preset_of

MAX_GROUPS = 1000
NAMES_IN_A_REMARK = 30
LONGEST_SHOWN = 80
# The fields of a model beside its names and prices.
UNPRICED = ("unit", "context_length", "max_output_tokens", "base_model", "limit_name", "system_role")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDraft:
    """A provider that the file's deployments name.

    `key_reference` is the environment variable that holds its key elsewhere, `key` a key in the file, `credentials` are
    other secrets in the file. `settings` are further fields of its type, such as a region. `references` are the fields
    that the file keeps in a variable: (field, variable). `sign_in` names an unsupported way to sign in. `is_own_name`:
    the name is from the file; otherwise we made it, and the address identifies the provider. `dialects`,
    `extra_headers` and `extra_body` are the provider's own; formats other than ours have none.
    """

    name: str
    type: str
    api_base: str = ""
    key_reference: str = ""
    key: Secret | None = None
    credentials: Mapping[str, Secret] = field(default_factory=dict, hash=False)
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    references: tuple[tuple[str, str], ...] = ()
    sign_in: str = ""
    is_own_name: bool = True
    dialects: Sequence[str] = field(default_factory=list, hash=False)
    extra_headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    extra_body: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def adaptations(self) -> dict[str, Any]:
        """What is spoken with it, and what its requests have besides: as fields of the row."""
        return {
            "dialects": list(self.dialects),
            "extra_headers": dict(self.extra_headers),
            "extra_body": dict(self.extra_body),
        }

    @property
    def is_keyless(self) -> bool:
        """Whether it needs no key, according to the file."""
        is_open = bool(self.api_base) or not preset_of(self.type).needs_key
        return is_open and not self.key_reference and self.key is None and not self.sign_in

    @property
    def needs(self) -> tuple[str, ...]:
        """What is missing before it can answer, for people; empty if it is complete."""
        return (*self._lacking(), *(f"{name}: {variable}" for name, variable in self.references), *self._key_lacking())

    def _lacking(self) -> Iterator[str]:
        """Required fields of its type that the file neither has nor references."""
        preset, referred = preset_of(self.type), dict(self.references)
        if preset.needs_base_url and not self.api_base and "api_base" not in referred:
            yield "api_base"
        required = (field.name for field in preset.settings if field.is_required)
        yield from (name for name in required if not self.settings.get(name) and name not in referred)

    def _key_lacking(self) -> Iterator[str]:
        if self.sign_in:
            yield f"credentials of another kind: {self.sign_in} is not supported here"
        elif not self.key and not self.is_keyless:
            yield f"a key: {self.key_reference or 'the file names none'}"

    @property
    def status(self) -> str:
        """The initial state of the provider, for people."""
        if self.needs:
            return f"switched off: needs {', '.join(self.needs)}"
        return "with the key of the file, kept encrypted" if self.has_secrets else "without a key"

    @property
    def has_secrets(self) -> bool:
        """Whether the file has secrets of it."""
        return bool(self.key or self.credentials)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDraft:
    """A model of the file, for a catalog that lacks it. Prices: US dollars per million tokens, or for one `unit`."""

    provider: str
    name: str
    display_name: str = ""
    input_cost_per_million: Decimal | None = None
    output_cost_per_million: Decimal | None = None
    cached_input_cost_per_million: Decimal | None = None
    cache_write_cost_per_million: Decimal | None = None
    unit: str = ""
    price_per_unit: Decimal | None = None
    context_length: int | None = None
    max_output_tokens: int | None = None
    base_model: str = ""
    limit_name: str = ""
    system_role: str = ""

    @property
    def prices(self) -> dict[str, Decimal]:
        """The prices that the file gives, by field."""
        said = {name: getattr(self, name) for name in PRICES}
        return {name: price for name, price in said.items() if price is not None}


@dataclass(frozen=True, slots=True)
class GroupDraft:
    """A routing group: `deployments` name provider and model, `fields` are those of the row that the file sets."""

    name: str
    deployments: tuple[Placement, ...]
    fields: Mapping[str, Any]

    @property
    def strategy(self) -> str:
        return str(self.fields["strategy"])

    def config(self, name: str) -> Mapping[str, Any]:
        """One of the `…_config` objects; empty if the file has none."""
        return self.fields.get(name) or {}


@dataclass(frozen=True, slots=True)
class Remark:
    """Something in the file that is left out or different here: its place, and why.

    Remarks with one `stem` are shown as one, with all their `names`; without a stem, remarks with equal text.
    """

    place: str
    why: str
    stem: str = ""
    names: tuple[str, ...] = ()


def named(place: str, why: str, names: Sequence[Any]) -> Iterator[Remark]:
    """Remarks that together contain all of these names."""
    for start in range(0, len(names), NAMES_IN_A_REMARK):
        some = tuple(_shown(name) for name in names[start : start + NAMES_IN_A_REMARK])
        yield Remark(place, f"{why} {', '.join(some)}.", why, some)


def _shown(name: Any) -> str:
    return "".join(c if c.isprintable() else " " for c in str(name)[:LONGEST_SHOWN])


@dataclass(frozen=True, slots=True)
class Bundle:
    """The whole file. `is_partial`: its format can't express all fields of a group, so the missing ones stay as they
    are.

    `aliases`: alias -> the name of a group.
    """

    groups: tuple[GroupDraft, ...]
    providers: tuple[ProviderDraft, ...] = ()
    models: tuple[ModelDraft, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    is_partial: bool = False

    @property
    def has_keys(self) -> bool:
        """Whether the file has keys."""
        return any(provider.has_secrets for provider in self.providers)

    def provider(self, name: str) -> ProviderDraft | None:
        """The provider with this name, ignoring case."""
        return next((p for p in self.providers if p.name.casefold() == name.casefold()), None)
