"""What a file of routing groups says, whatever its format. Pure shapes; nothing here knows ids or tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine.spec import Secret
from groups.placements import Placement
from providers.presets import preset_of

MAX_GROUPS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDraft:
    """A provider that deployments of the file name.

    `key_reference` is the environment variable that holds its key elsewhere, `key` a key that came with the
    file. `settings` are what its type takes beside address and key, such as a region. `is_own_name`: the file
    itself calls it so; else the name is ours, and where it is tells it apart.
    """

    name: str
    type: str
    api_base: str = ""
    key_reference: str = ""
    key: Secret | None = None
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    is_own_name: bool = True

    @property
    def is_keyless(self) -> bool:
        """Whether it answers without a key, so far as the file says."""
        is_open = bool(self.api_base) or not preset_of(self.type).needs_key
        return is_open and not self.key_reference and self.key is None

    @property
    def status(self) -> str:
        """How the provider begins, for people."""
        if self.key:
            return "with the key of the file, kept encrypted"
        if self.is_keyless:
            return "without a key"
        return f"switched off: needs a key: {self.key_reference or 'the file names none'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDraft:
    """What the file knows of a model, for a catalog that lacks it. Prices: US dollars per million tokens."""

    provider: str
    name: str
    display_name: str = ""
    input_cost_per_million: Decimal | None = None
    output_cost_per_million: Decimal | None = None


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
        """One of the `…_config` objects; empty where the file is silent."""
        return self.fields.get(name) or {}


@dataclass(frozen=True, slots=True)
class Remark:
    """Something in the file that was left out, where, and why."""

    place: str
    why: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """The whole file. `is_partial`: its format can't say all of a group, so what it is silent about stays."""

    groups: tuple[GroupDraft, ...]
    providers: tuple[ProviderDraft, ...] = ()
    models: tuple[ModelDraft, ...] = ()
    remarks: tuple[Remark, ...] = ()
    is_partial: bool = False

    @property
    def has_keys(self) -> bool:
        """Whether keys came with the file."""
        return any(provider.key for provider in self.providers)

    def provider(self, name: str) -> ProviderDraft | None:
        """The provider of this name, upper and lower case alike."""
        return next((p for p in self.providers if p.name.casefold() == name.casefold()), None)
