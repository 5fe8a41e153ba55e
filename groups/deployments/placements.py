"""Requested deployments -> rows, with the models found in the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q

from groups.models import Deployment
from providers.models import LanguageModel, Provider

MAX_DEPLOYMENTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One requested deployment: its model by `model_id`, or by `provider` (name or type) and `model_name`."""

    model_id: UUID | None = None
    provider: str = ""
    model_name: str = ""
    priority: int | None = None
    weight: int | None = None
    display_name: str = ""
    rpm: int | None = None
    tpm: int | None = None
    max_parallel: int | None = None
    max_wait_s: float | None = None
    extra_headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    extra_body: Mapping[str, Any] = field(default_factory=dict, hash=False)
    capacity: Mapping[str, Any] = field(default_factory=dict, hash=False)
    region: str = ""


def rows_of(placements: Sequence[Placement]) -> list[Deployment]:
    """Unsaved deployments in the given order; two queries. Raises ValidationError for `deployments`."""
    if not 0 < len(placements) <= MAX_DEPLOYMENTS:
        raise _error(f"Give 1 to {MAX_DEPLOYMENTS} deployments.")
    catalog = Catalog(placements)
    rows, problems = [], []
    for number, placement in enumerate(placements, start=1):
        try:
            rows.append(_row(placement, catalog.find(placement), position=number - 1))
        except ValidationError as error:
            problems.append(f"Deployment {number}: {' '.join(error.messages)}")
    if problems:
        raise _error(*problems)
    check_distinct(rows)
    return rows


def check_distinct(rows: Sequence[Deployment]) -> None:
    """Raises if a group contains a model twice."""
    models = [row.model for row in rows]
    if twice := {str(model) for model in models if models.count(model) > 1}:
        raise _error(f"A group contains a model only once; {', '.join(sorted(twice))} is there twice.")


def _error(*messages: str) -> ValidationError:
    return ValidationError({"deployments": list(messages)})


def _row(placement: Placement, model: LanguageModel, *, position: int) -> Deployment:
    row = Deployment(
        model=model,
        position=position,
        priority=placement.priority,
        weight=placement.weight,
        display_name=placement.display_name,
        rpm=placement.rpm,
        tpm=placement.tpm,
        max_parallel=placement.max_parallel,
        max_wait_s=placement.max_wait_s,
        extra_headers=dict(placement.extra_headers),
        extra_body=dict(placement.extra_body),
        capacity=dict(placement.capacity),
        region=placement.region,
    )
    row.clean_fields(exclude={"group", "model"})
    return row


class Catalog:
    """The part of the catalog that matches some placements."""

    def __init__(self, placements: Sequence[Placement]) -> None:
        wanted = Q(pk__in={p.model_id for p in placements if p.model_id})
        wanted |= Q(name__in={p.model_name for p in placements if p.model_name})
        self._models = list(LanguageModel.objects.select_related("provider").filter(wanted))
        self._types = list(Provider.objects.values_list("type", flat=True))

    def find(self, placement: Placement) -> LanguageModel:
        """The model of a placement; raises ValidationError with what is missing or contradictory."""
        if placement.model_id:
            return self._by_id(placement, placement.model_id)
        if not placement.provider or not placement.model_name:
            raise ValidationError("Give model_id, or provider and model_name.")
        return self._by_name(placement)

    def _by_id(self, placement: Placement, model_id: UUID) -> LanguageModel:
        model = next((m for m in self._models if m.pk == model_id), None)
        if model is None:
            raise ValidationError(f"There is no model {model_id} in the catalog.")
        if placement.model_name not in ("", model.name):
            raise ValidationError(f"model_id means '{model.name}' but model_name says '{placement.model_name}'.")
        if placement.provider and not (_is_named(model, placement) or _is_of_type(model, placement)):
            raise ValidationError(f"model_id is of '{model.provider.name}' but provider says '{placement.provider}'.")
        return model

    def _by_name(self, placement: Placement) -> LanguageModel:
        same_name = [m for m in self._models if m.name == placement.model_name]
        if found := [m for m in same_name if _is_named(m, placement)]:
            return found[0]
        if self._types.count(placement.provider.lower()) > 1:
            raise ValidationError(f"Several providers have the type '{placement.provider}'; give the name or model_id.")
        if found := [m for m in same_name if _is_of_type(m, placement)]:
            return found[0]
        raise ValidationError(f"There is no model '{placement.model_name}' of provider '{placement.provider}'.")


def _is_named(model: LanguageModel, placement: Placement) -> bool:
    return model.provider.name.casefold() == placement.provider.casefold()


def _is_of_type(model: LanguageModel, placement: Placement) -> bool:
    return model.provider.type == placement.provider.lower()
