"""Shared parts of the rooms' REST APIs: strict input, paged lists, errors with the API's field names.

Serializers here only translate. The actions check the rules, under the lock that serialises changes, so that the API
and the pages cannot disagree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import Model, QuerySet
from django.http import Http404
from django.views.decorators.debug import sensitive_variables
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.response import Response

Row = TypeVar("Row", bound=Model)
NO_NUMBER, NO_TEXT = "A valid number is required.", "Not a valid string."


class StrictSerializer(serializers.Serializer):
    """Refuses unknown fields by name, so that a typo is not silently lost.

    `apiKey` is read as `api_key`. `null` for a field that has a default means the default.
    """

    @classmethod
    @sensitive_variables()
    def checked(cls, data: Any, *, partial: bool = False, **context: Any) -> dict[str, Any]:
        """A body as Python values; raises ValidationError naming the bad field. `partial`: only what it has."""
        asked = cls(data=data, partial=partial, context=context)
        asked.is_valid(raise_exception=True)
        return dict(asked.validated_data)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            data = self._with_defaults(self._known(data))
            misread = {name: why for name, value in data.items() if (why := misread_as(self.fields[name], value))}
            if misread:
                raise serializers.ValidationError({name: [why] for name, why in misread.items()})
        return super().to_internal_value(data)

    def _known(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The data with our names; raises for unknown or duplicate fields."""
        spelled = [(name if name in self.fields else snake_case(name), value) for name, value in data.items()]
        known, names = dict(spelled), [name for name, _ in spelled]
        if twice := {name for name in names if names.count(name) > 1}:
            raise serializers.ValidationError({name: ["Give this in one spelling only."] for name in twice})
        unknown = [name for name in data if snake_case(name) not in self.fields and name not in self.fields]
        if unknown:
            why = f"Unknown field. Known: {', '.join(n for n, f in self.fields.items() if not f.read_only)}."
            raise serializers.ValidationError({name[:64]: [why] for name in unknown[:10]})
        return known

    def _with_defaults(self, data: dict[str, Any]) -> dict[str, Any]:
        for name, value in data.items():
            default = self.fields[name].default
            if value is None and default is not empty and not self.fields[name].allow_null:
                data[name] = default() if callable(default) else default
        return data


class PageQuery(serializers.Serializer):
    """`page` and `size` of a list, and the search words (`q`)."""

    page = serializers.IntegerField(min_value=1, max_value=1_000_000, default=1)
    size = serializers.IntegerField(min_value=1, max_value=200, default=50)
    q = serializers.CharField(max_length=200, allow_blank=True, default="")

    @classmethod
    def checked(cls, params: Any) -> dict[str, Any]:
        """The query string as Python values; raises ValidationError naming the bad parameter."""
        # `.dict()`: DRF reads an absent boolean in a QueryDict as False, as in an HTML form.
        query = cls(data=params.dict())
        query.is_valid(raise_exception=True)
        return dict(query.validated_data)

    @classmethod
    def filters_and_page(cls, params: Any) -> tuple[dict[str, Any], dict[str, int]]:
        """The query string in two: what narrows the list, and its `page` and `size`."""
        query = cls.checked(params)
        return query, {"page": query.pop("page"), "size": query.pop("size")}


class Page(serializers.Serializer):
    """The further fields of a list: the total number of rows, and the page."""

    total = serializers.IntegerField()
    page = serializers.IntegerField()
    size = serializers.IntegerField()


def page_of(rows: QuerySet[Row], *, page: int, size: int) -> tuple[list[Row], dict[str, int]]:
    """The rows of one page, and `{total, page, size}`. Two queries; a page past the end is empty."""
    start = (page - 1) * size
    return list(rows[start : start + size]), {"total": rows.count(), "page": page, "size": size}


def page_answer(
    name: str, rows: QuerySet[Any], shape: type[serializers.Serializer], *, page: int, size: int
) -> Response:
    """The answer to a list: one page of the rows under this name, then `total`, `page` and `size`."""
    found, about = page_of(rows, page=page, size=size)
    return Response({name: shape(found, many=True).data, **about})


def row_or_404(rows: QuerySet[Row], row_id: str) -> Row:
    """The row with this id; an invalid id is not found."""
    try:
        return rows.get(pk=UUID(row_id))
    except (ValueError, ObjectDoesNotExist):
        raise Http404(f"There is no {rows.model._meta.verbose_name} with this id.") from None


def snake_case(name: str) -> str:
    """`autoFallback` -> `auto_fallback`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower() if len(name) <= 64 else name


def misread_as(field: serializers.Field[Any, Any, Any, Any], value: Any) -> str:
    """What is wrong with a value that the field would take for another: true for 1, the words nan and inf for numbers,
    5 for a text unless it `takes_numbers`, false for an id; '' if nothing is. The field itself says all else."""
    match field:
        case serializers.FloatField():
            return NO_NUMBER if is_no_number(value) else ""
        case serializers.CharField() | serializers.UUIDField():
            takes_numbers = getattr(field, "takes_numbers", False)
            return NO_TEXT if isinstance(value, (int, float)) and not takes_numbers else ""
        case serializers.ListField() | serializers.DictField() if isinstance(value, (list, Mapping)):
            parts = value.values() if isinstance(value, Mapping) else value
            return next((why for part in parts if (why := misread_as(field.child, part))), "")
    return ""


def is_no_number(value: Any) -> bool:
    """Whether Python reads a number in what is none, or none that JSON has."""
    try:
        return isinstance(value, bool) or not math.isfinite(float(value))
    except (TypeError, ValueError):
        return False
    except OverflowError:
        return True


@contextmanager
def errors_named(**names: str) -> Iterator[None]:
    """Renames the fields of validation errors to those of the API.

    `errors_named(name="model_name")`; errors of the whole row go to `row=`, else `non_field_errors`.
    """
    names = {NON_FIELD_ERRORS: names.pop("row", "non_field_errors"), **names}
    try:
        yield
    except DjangoValidationError as error:
        fields = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
        raise serializers.ValidationError({names.get(field, field): why for field, why in fields.items()}) from error
