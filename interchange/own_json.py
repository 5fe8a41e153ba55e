"""Our own file of routing groups: JSON with the fields of the REST API, and names instead of ids.

`{"format": "routing-console", "version": 1, "providers": […], "models": […], "routing_groups": […]}`; an answer of `GET
/v1/routing_group` can be read too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rest_framework import serializers

from groups.deployments.placements import Placement
from groups.serializers import API_NAMES, RoutingGroupSerializer
from groups.versions.snapshots import FIELDS, PLACED
from interchange.bundle import MAX_GROUPS, UNPRICED, Bundle, GroupDraft, ModelDraft, ProviderDraft, Remark, named
from interchange.places import LONGEST_PLACE, Wrong, wrong
from lib.serializers import StrictSerializer
from providers.catalog.price_map import PRICES
from providers.models import LimitName, SystemRole, Unit
from providers.rules import DIALECTS

FORMAT, VERSION = "routing-console", 1
# The keys of a file, and the further keys of the API's list.
KNOWN = ("format", "version", "providers", "models", "routing_groups", "total", "page", "size")
MOST_PROBLEMS = 20


class ProviderShape(StrictSerializer):
    """A provider in the file: its address, and the variable that holds its key. Never the key."""

    name = serializers.CharField(max_length=64)
    type = serializers.CharField(max_length=64)
    api_base = serializers.CharField(max_length=512, allow_blank=True, default="")
    key_reference = serializers.CharField(max_length=64, allow_blank=True, default="")
    settings = serializers.DictField(child=serializers.CharField(max_length=512), default=dict)
    dialects = serializers.ListField(child=serializers.ChoiceField(choices=DIALECTS), default=list)
    extra_headers = serializers.DictField(child=serializers.CharField(max_length=1024), default=dict)
    extra_body = serializers.DictField(default=dict)


class ModelShape(StrictSerializer):
    """A model in the file, for a catalog that lacks it."""

    provider = serializers.CharField(max_length=64)
    name = serializers.CharField(source="model_name", max_length=256)
    display_name = serializers.CharField(max_length=128, allow_blank=True, default="")
    input_cost_per_million = serializers.DecimalField(14, 6, min_value=0, allow_null=True, default=None)
    output_cost_per_million = serializers.DecimalField(14, 6, min_value=0, allow_null=True, default=None)
    cached_input_cost_per_million = serializers.DecimalField(14, 6, min_value=0, allow_null=True, default=None)
    cache_write_cost_per_million = serializers.DecimalField(14, 6, min_value=0, allow_null=True, default=None)
    unit = serializers.ChoiceField(choices=Unit.choices, allow_blank=True, default="")
    price_per_unit = serializers.DecimalField(16, 10, min_value=0, allow_null=True, default=None)
    context_length = serializers.IntegerField(min_value=1, max_value=1_000_000_000, allow_null=True, default=None)
    max_output_tokens = serializers.IntegerField(min_value=1, max_value=1_000_000_000, allow_null=True, default=None)
    base_model = serializers.CharField(max_length=256, allow_blank=True, default="")
    limit_name = serializers.ChoiceField(choices=LimitName.choices, allow_blank=True, default="")
    system_role = serializers.ChoiceField(choices=SystemRole.choices, allow_blank=True, default="")


def written(bundle: Bundle) -> str:
    """The bundle as JSON, in a stable order."""
    data = {
        "format": FORMAT,
        "version": VERSION,
        "providers": [_provider_json(p) for p in bundle.providers],
        "models": [_model_json(m) for m in bundle.models],
        "routing_groups": [_group_json(g) for g in bundle.groups],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _provider_json(draft: ProviderDraft) -> dict[str, Any]:
    names = ("name", "type", "api_base", "key_reference", "settings")
    return {**{name: getattr(draft, name) for name in names}, **draft.adaptations}


def _model_json(draft: ModelDraft) -> dict[str, Any]:
    prices = (*PRICES, "price_per_unit")
    priced = {name: None if (price := getattr(draft, name)) is None else float(price) for name in prices}
    others = {name: getattr(draft, name) for name in UNPRICED}
    return {"provider": draft.provider, "name": draft.name, "display_name": draft.display_name, **priced, **others}


def _group_json(draft: GroupDraft) -> dict[str, Any]:
    fields = {API_NAMES.get(name, name): draft.fields[name] for name in FIELDS if name in draft.fields}
    return {
        "routing_group_name": draft.name,
        **fields,
        "deployments": [_deployment_json(placement) for placement in draft.deployments],
    }


def _deployment_json(placement: Placement) -> dict[str, Any]:
    names = {"provider": placement.provider, "model_name": placement.model_name}
    return {**names, **{name: getattr(placement, name) for name in PLACED}}


def bundle_from(data: Any) -> Bundle:
    """The content of the parsed JSON; raises ValidationError for `content`, naming the place."""
    if not isinstance(data, Mapping) or not isinstance(data.get("routing_groups"), list):
        raise wrong("routing_groups", "A file of ours is an object with a list of routing groups here.")
    if data.get("format", FORMAT) != FORMAT or data.get("version", VERSION) != VERSION:
        raise wrong("version", f"This console reads format '{FORMAT}', version {VERSION}.")
    if len(data["routing_groups"]) > MAX_GROUPS:
        raise wrong("routing_groups", f"Import at most {MAX_GROUPS} groups at once.")
    rows = _Rows(data)
    models = [ModelDraft(name=row.pop("model_name"), **row) for row in rows.read("models", ModelShape)]
    return Bundle(
        groups=tuple(rows.groups()),
        providers=tuple(ProviderDraft(**row) for row in rows.read("providers", ProviderShape)),
        models=tuple(models),
        remarks=(*rows.remarks, *named("the file", "Not known, left out:", [k for k in data if k not in KNOWN])),
    )


class _Rows:
    """The lists of a file. Unreadable rows are named in the remarks, and the others count."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self.remarks: list[Remark] = []

    def read(self, name: str, shape: type[StrictSerializer]) -> list[dict[str, Any]]:
        """The rows of a list, checked against the shape."""
        return [row for _, row in self._sound(name, shape)]

    def groups(self) -> Iterator[GroupDraft]:
        for place, row in self._sound("routing_groups", RoutingGroupSerializer):
            try:
                yield _group(row)
            except Wrong as error:
                self.remarks.append(Remark(f"{place} ({error.place[:80]})", f"{error.why} It is left out."))

    def _sound(self, name: str, shape: type[StrictSerializer]) -> Iterator[tuple[str, dict[str, Any]]]:
        rows = self._data.get(name, [])
        if not isinstance(rows, list):
            raise wrong(name, "Give a list.")
        for number, row in enumerate(rows):
            place, read = f"{name}[{number}]", shape(data=row)
            if read.is_valid():
                yield place, dict(read.validated_data)
            else:
                problems = list(_problems(place, read.errors))[:MOST_PROBLEMS]
                self.remarks += [Remark(where[:LONGEST_PLACE], f"{why} It is left out.") for where, why in problems]


def _problems(place: str, errors: Any) -> Iterator[tuple[str, str]]:
    """Nested errors one by one: (`routing_groups[0].deployments[1].priority`, why)."""
    if isinstance(errors, Mapping):
        for name, inner in errors.items():
            yield from _problems(place if name == "non_field_errors" else f"{place}{_step(name)}", inner)
        return
    for number, why in enumerate(errors):
        if isinstance(why, Mapping):
            yield from _problems(f"{place}[{number}]", why)
        else:
            yield place, str(why)


def _step(name: object) -> str:
    return f"[{name}]" if isinstance(name, int) else f".{name}"


def _group(row: dict[str, Any]) -> GroupDraft:
    return GroupDraft(
        name=row["name"],
        deployments=tuple(_by_name(row["name"], placement) for placement in row["deployments"]),
        fields={name: row[name] for name in FIELDS if name != "name"},
    )


def _by_name(group: str, placement: Placement) -> Placement:
    """Without the id, which means nothing in another console."""
    if not placement.provider or not placement.model_name:
        raise wrong(group, "Name each deployment's model by provider and model_name; ids differ between consoles.")
    return replace(placement, model_id=None)
