"""One serializer base, so that the JSON door enforces the rules the HTML door enforces."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import Model
from rest_framework import serializers


class CleanModelSerializer(serializers.ModelSerializer):
    """A ModelSerializer that runs `full_clean()`: field, model and constraint checks."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        many_to_many = {f.name for f in self.Meta.model._meta.many_to_many}
        candidate: Model = self.instance or self.Meta.model()
        kept = {name: getattr(candidate, name) for name in attrs if name not in many_to_many and self.instance}
        for name, value in attrs.items():
            if name not in many_to_many:
                setattr(candidate, name, value)
        try:
            candidate.full_clean(exclude=self.clean_exclude())
        except DjangoValidationError as error:
            raise serializers.ValidationError(serializers.as_serializer_error(error)) from error
        finally:
            for name, value in kept.items():
                setattr(candidate, name, value)
        return attrs

    def clean_exclude(self) -> set[str]:
        """Names of fields that `full_clean()` leaves to somebody else."""
        return set()
