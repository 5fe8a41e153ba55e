"""One entry of `model_list` -> the deployment, provider and model it means. Pure but for keys, which are sealed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from interchange.bundle import ModelDraft, ProviderDraft, Remark
from interchange.litellm_config.litellm_names import OURS, PER_DEPLOYMENT
from interchange.litellm_config.litellm_provider import listed_mode, litellm_provider, provider_of
from interchange.litellm_config.priced_model import model_of
from interchange.litellm_config.tracked_mapping import Fields, reference_in
from interchange.places import Wrong, wrong

MODES = ("chat", "completion", "responses", "embedding", None)
LONGEST_MODEL = 1000
CREDENTIAL = "litellm_credential_name"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """An entry that can become a deployment of ours. `settings` are its retry_config and cooldown_config."""

    group: str
    place: str
    provider: ProviderDraft
    model: ModelDraft
    order: int | None
    weight: float | None
    rpm: int | None
    max_parallel: int | None
    tpm: int | None
    display_name: str
    settings: Mapping[str, Mapping[str, Any]]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class _Rooms:
    """An entry's three mappings, and our own inside the last one."""

    row: Fields
    params: Fields
    info: Fields
    ours: Fields

    def left_out(self, label: str) -> Iterator[Remark]:
        yield from self.row.left_out(label)
        yield from self.params.left_out(f"{label}, litellm_params")
        yield from self.info.left_out(f"{label}, model_info")
        yield from self.ours.left_out(f"{label}, model_info.{OURS}")


def entry_of(row: Any, place: str, credentials: Mapping[str, Mapping[str, Any]]) -> ModelEntry | Remark:
    """The meaning of an entry, or why it can't be imported. `credentials` are the file's named credentials."""
    try:
        return _entry(row, place, credentials)
    except Wrong as error:
        return Remark(error.place, f"{error.why} This entry is left out.")


def _entry(row: Any, place: str, credentials: Mapping[str, Mapping[str, Any]]) -> ModelEntry | Remark:
    rooms = _rooms(row, place, credentials)
    group = rooms.row.text("model_name", longest=LONGEST_MODEL)
    model = rooms.params.text("model", longest=LONGEST_MODEL)
    if not group or not model:
        raise wrong(place, "Give model_name and litellm_params.model.")
    if why := _unusable(group, model, rooms):
        return Remark(f"{place} ({group[:80]})", why)
    return _usable(group, model, rooms, place)


def _rooms(row: Any, place: str, credentials: Mapping[str, Mapping[str, Any]]) -> _Rooms:
    fields = Fields(row, place)
    params = fields.inner("litellm_params")
    if (named := params.text(CREDENTIAL)) and named in credentials:
        given = fields.get("litellm_params")
        params = Fields({**credentials[named], **given}, params.place)
        params.get(CREDENTIAL)
    else:
        params = fields.inner("litellm_params")
    info = fields.inner("model_info")
    return _Rooms(fields, params, info, info.inner(OURS))


def _unusable(group: str, model: str, rooms: _Rooms) -> str:
    if "*" in group or "*" in model:
        return "Wildcards are not supported; name each model."
    if (rooms.info.get("mode") or listed_mode(model)) not in MODES:
        return "Only chat and embedding models are routed here."
    if variable := reference_in(model):
        return f"Its model is kept in a variable ({variable[:80]}); write the model's name."
    if not litellm_provider(model, rooms.params):
        return "Its provider is not known; write the model as provider/model."
    return ""


def _usable(group: str, model: str, rooms: _Rooms, place: str) -> ModelEntry:
    params, info = rooms.params, rooms.info
    litellm_name = litellm_provider(model, params)
    provider = provider_of(litellm_name, params, rooms.ours)
    made = model_of(provider.name, model.removeprefix(f"{litellm_name}/"), params, info)
    orders = [room.whole("order", low=-1_000_000) for room in (params, info)]
    weight = params.number("weight", high=1_000_000_000_000)
    limits = {name: _first([room.whole(name, low=1) for room in (params, rooms.row, info)]) for name in ("rpm", "tpm")}
    max_parallel = params.whole("max_parallel_requests", low=1)
    display_name = rooms.ours.text("display_name", longest=128)
    settings = _settings(params, info)
    return ModelEntry(
        group=group,
        place=place,
        provider=provider,
        model=made,
        order=_first(orders),
        weight=weight,
        **limits,
        max_parallel=max_parallel,
        display_name=display_name,
        settings=settings,
        remarks=tuple(rooms.left_out(f"{place} ({group[:80]})")),
    )


def _first(values: list[int | None]) -> int | None:
    return next((value for value in values if value is not None), None)


def _settings(params: Fields, info: Fields) -> dict[str, dict[str, Any]]:
    """The per-deployment settings, by our names. LiteLLM reads `cooldown_time` in both sections."""
    found: dict[str, dict[str, Any]] = {}
    for config, keys in PER_DEPLOYMENT.items():
        read = {key: _setting(where, name, params, info) for key, (where, name) in keys.items()}
        found[config] = {key: value for key, value in read.items() if value is not None}
    return found


def _setting(where: str, name: str, params: Fields, info: Fields) -> float | int | None:
    if name == "cooldown_time" and name in params:
        return params.number(name)
    return (params if where == "litellm_params" else info).number(name)


Identity = tuple[Any, ...]


def told_apart(entries: Sequence[ModelEntry]) -> list[ModelEntry]:
    """The entries with unique provider names: one name per type, address and key.

    The provider's name in our own exports also distinguishes it.
    """
    names: dict[Identity, str] = {}
    return [_renamed(entry, _name(entry.provider, names)) for entry in entries]


def _name(provider: ProviderDraft, names: dict[Identity, str]) -> str:
    own_name = provider.name if provider.is_own_name else ""
    secrets = (provider.key_reference, provider.key, *sorted(provider.credentials.items(), key=lambda held: held[0]))
    where = (provider.type, provider.api_base, *sorted(provider.settings.items()), *sorted(provider.references))
    identity: Identity = (own_name, *where, *secrets, provider.sign_in)
    if identity not in names:
        names[identity] = _free(provider.name, {name.casefold() for name in names.values()})
    return names[identity]


def _free(wanted: str, taken: set[str]) -> str:
    """The name, or `name 2`, `name 3`, …; a variable in brackets stays at the end."""
    head, bracket, tail = wanted.partition(" (")
    name, number = wanted, 1
    while name.casefold() in taken:
        number += 1
        name = f"{head} {number}{bracket}{tail}"
    return name


def _renamed(entry: ModelEntry, name: str) -> ModelEntry:
    provider = replace(entry.provider, name=name)
    return replace(entry, provider=provider, model=replace(entry.model, provider=name))
