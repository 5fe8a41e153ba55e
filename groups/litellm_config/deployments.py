"""One entry of `model_list` -> the deployment, provider and model it means. Pure but for keys, which are sealed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from engine.spec import Secret
from groups.exchange.bundle import ModelDraft, ProviderDraft, Remark
from groups.exchange.places import wrong
from groups.exchange.references import VARIABLE, name_with
from groups.exchange.sealing import opened
from groups.litellm_config.document import mapping, number, text, whole
from groups.litellm_config.words import ENVIRONMENT, NO_KEY, OURS, PER_DEPLOYMENT
from providers.catalog import price_map
from providers.presets import BY_LITELLM_NAME, BY_TYPE, litellm_providers, preset_of

MILLION = 1_000_000
MODES = ("chat", "completion", "responses", "embedding", None)
KNOWN_PARAMS = frozenset(
    {"model", "api_base", "base_url", "api_key", "order", "weight", "rpm", "tpm", "custom_llm_provider"}
    | {"input_cost_per_token", "output_cost_per_token"}
    | {name for keys in PER_DEPLOYMENT.values() for where, name in keys.values() if where == "litellm_params"}
)
# Said elsewhere, or about the proxy's own bookkeeping: leaving it out loses nothing.
KNOWN_INFO = frozenset(
    {"id", "mode", "base_model", "db_model", "order", OURS, "max_tokens", "max_input_tokens", "max_output_tokens"}
    | {"input_cost_per_token", "output_cost_per_token", "description"}
    | {name for keys in PER_DEPLOYMENT.values() for where, name in keys.values() if where == "model_info"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry that can be a deployment of ours. `settings` are retry_config and cooldown_config as it has them."""

    group: str
    place: str
    provider: ProviderDraft
    model: ModelDraft
    order: int | None
    weight: float | None
    rpm: int | None
    tpm: int | None
    display_name: str
    settings: Mapping[str, Mapping[str, Any]]
    remarks: tuple[Remark, ...]


def entry_of(row: Any, place: str) -> Entry | Remark:
    """What an entry means, or why it can't be taken over; raises ValidationError for wrong types."""
    row = mapping(row, place)
    params = mapping(row.get("litellm_params"), f"{place}.litellm_params")
    info = mapping(row.get("model_info"), f"{place}.model_info")
    group = text(row.get("model_name"), f"{place}.model_name", longest=1000)
    model = text(params.get("model"), f"{place}.litellm_params.model", longest=1000)
    if not group or not model:
        raise wrong(place, "Give model_name and litellm_params.model.")
    if why := _unusable(group, model, params, info):
        return Remark(f"{place} ({group})", why)
    return _entry(group, model, params, info, place)


def _unusable(group: str, model: str, params: Mapping[str, Any], info: Mapping[str, Any]) -> str:
    if "*" in group or "*" in model:
        return "Wildcards are not supported; name each model."
    if info.get("mode") not in MODES:
        return "Only chat and embedding models are routed here."
    for name in ("model", "api_base", "base_url"):
        if str(params.get(name, "")).startswith(ENVIRONMENT):
            return f"{name} is a reference to an environment variable the console can't read; write its value."
    if not _litellm_provider(model, params):
        return "Its provider is not known; write the model as provider/model."
    return ""


def _litellm_provider(model: str, params: Mapping[str, Any]) -> str:
    """LiteLLM's own order: what is said, the prefix, its price map. '' when none of them knows."""
    said = params.get("custom_llm_provider")
    prefix = said if isinstance(said, str) else model.partition("/")[0] if "/" in model else ""
    if prefix in litellm_providers() or prefix in BY_LITELLM_NAME:
        return prefix
    row = price_map().get(model, {})
    listed = str(row.get("litellm_provider", ""))
    return listed if listed in litellm_providers() else ""


def _entry(group: str, model: str, params: Mapping[str, Any], info: Mapping[str, Any], place: str) -> Entry:
    ours = mapping(info.get(OURS), f"{place}.model_info.{OURS}")
    at = f"{place}.litellm_params"
    provider = _provider(_litellm_provider(model, params), params, ours, at)
    name = model.removeprefix(f"{_litellm_provider(model, params)}/")
    order = params["order"] if params.get("order") is not None else info.get("order")
    return Entry(
        group=group,
        place=place,
        provider=provider,
        model=_model(provider, name, {**info, **params}, at),
        order=whole(order, f"{at}.order", low=-1_000_000),
        weight=number(params.get("weight"), f"{at}.weight", high=1_000_000_000_000),
        rpm=whole(params.get("rpm"), f"{at}.rpm", low=1),
        tpm=whole(params.get("tpm"), f"{at}.tpm", low=1),
        display_name=text(ours.get("display_name"), f"{place}.model_info.{OURS}.display_name", longest=128),
        settings=_settings({"litellm_params": params, "model_info": {**info, **_misplaced(params)}}, place),
        remarks=tuple(_left_out(provider, group, params, info, place)),
    )


def _misplaced(params: Mapping[str, Any]) -> dict[str, Any]:
    """LiteLLM reads `cooldown_time` in both places."""
    return {"cooldown_time": params["cooldown_time"]} if "cooldown_time" in params else {}


def _provider(litellm_name: str, params: Mapping[str, Any], ours: Mapping[str, Any], at: str) -> ProviderDraft:
    api_base = text(params.get("api_base") or params.get("base_url"), f"{at}.api_base").rstrip("/")
    reference, key = _credential(params.get("api_key"), f"{at}.api_key")
    named = text(ours.get("provider"), f"{at}.provider", longest=64)
    type = _type(litellm_name, api_base, ours.get("type"))
    shown = preset_of(type).display_name if type not in ("custom", "vllm") else _host(api_base)
    name = named or name_with(shown, reference)
    return ProviderDraft(
        name=name,
        type=type,
        api_base=api_base,
        key_reference=reference,
        key=key,
        settings=_provider_settings(type, params, at),
        is_own_name=bool(named),
    )


def _provider_settings(type: str, params: Mapping[str, Any], at: str) -> dict[str, str]:
    """What the type takes beside address and key, where it differs from our default."""
    fields = preset_of(type).settings
    said = {field: text(params.get(field.name), f"{at}.{field.name}") for field in fields}
    return {field.name: value for field, value in said.items() if value not in ("", field.default)}


def _type(litellm_name: str, api_base: str, said: Any) -> str:
    """Ours for LiteLLM's provider: an OpenAI client pointed elsewhere is a server of somebody's own."""
    if isinstance(said, str) and said in BY_TYPE and BY_TYPE[said].litellm_provider == litellm_name:
        return said
    preset = BY_LITELLM_NAME.get(litellm_name)
    if litellm_name == "openai" and api_base not in ("", BY_LITELLM_NAME["openai"].base_url):
        return "custom"
    return preset.type if preset else litellm_name


def _host(api_base: str) -> str:
    try:
        return urlsplit(api_base).hostname or "Custom"
    except ValueError:
        return "Custom"


def _credential(value: Any, place: str) -> tuple[str, Secret | None]:
    """(name of the variable, '') or ('', key)."""
    said = text(value, place, longest=8192)
    if said.startswith(ENVIRONMENT):
        reference = said.removeprefix(ENVIRONMENT)
        if not VARIABLE.fullmatch(reference) or len(reference) > 40:
            raise wrong(place, "Give os.environ/NAME, the name of letters, digits and _, at most 40 of them.")
        return reference, None
    return "", None if said in ("", NO_KEY) else opened(said, place)


def _model(provider: ProviderDraft, name: str, said: Mapping[str, Any], at: str) -> ModelDraft:
    return ModelDraft(
        provider=provider.name,
        name=name,
        input_cost_per_million=_per_million(said.get("input_cost_per_token"), f"{at}.input_cost_per_token"),
        output_cost_per_million=_per_million(said.get("output_cost_per_token"), f"{at}.output_cost_per_token"),
    )


def _per_million(value: Any, place: str) -> Decimal | None:
    cost = number(value, place, high=100)
    return None if cost is None else (Decimal(str(cost)) * MILLION).quantize(Decimal("0.000001"))


def _settings(rooms: Mapping[str, Mapping[str, Any]], place: str) -> dict[str, dict[str, Any]]:
    """The per-deployment settings, by our names; what is no number is an error."""
    return {
        config: {
            key: number(rooms[where][name], f"{place}.{where}.{name}")
            for key, (where, name) in keys.items()
            if rooms[where].get(name) is not None
        }
        for config, keys in PER_DEPLOYMENT.items()
    }


def _left_out(
    provider: ProviderDraft, group: str, params: Mapping[str, Any], info: Mapping[str, Any], place: str
) -> Iterator[Remark]:
    own = {field.name for field in preset_of(provider.type).settings}
    for where, given, known in (("litellm_params", params, KNOWN_PARAMS | own), ("model_info", info, KNOWN_INFO)):
        if names := [name for name in given if name not in known and name != "cooldown_time"]:
            yield Remark(f"{place}.{where} ({group})", f"Not supported, left out: {', '.join(names)[:300]}.")
