"""Providers and models as the API spells them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from lib.serializers import PageQuery, StrictSerializer
from providers.actions import MAX_MODELS_AT_ONCE
from providers.models import Provider


class MaskedKeyField(serializers.CharField):
    """Takes a key in plaintext, gives its hint (`sk-…****1234`) or null."""

    def get_attribute(self, instance: Provider) -> str | None:
        key = getattr(instance, "key", None)
        return key.hint if key else None


class ProviderSerializer(StrictSerializer):
    """A provider. `avg_cost` is US dollars per million tokens, the mean of the known prices in and out."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=64, allow_blank=True, default="")
    type = serializers.CharField(max_length=64)
    api_key = MaskedKeyField(max_length=4096, allow_blank=True, default="")
    api_base = serializers.CharField(max_length=512, allow_blank=True, default="")
    priority = serializers.IntegerField(min_value=1, max_value=100, default=50)
    auto_fallback = serializers.BooleanField(default=True)
    enabled = serializers.BooleanField(default=True)
    models = serializers.ListField(
        child=serializers.CharField(max_length=256), max_length=MAX_MODELS_AT_ONCE, default=list, write_only=True
    )
    status = serializers.CharField(read_only=True)
    error = serializers.CharField(read_only=True)
    model_count = serializers.IntegerField(read_only=True)
    avg_cost = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(read_only=True)
    created_by = serializers.CharField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    updated_by = serializers.CharField(read_only=True)

    def get_avg_cost(self, provider: Any) -> float | None:
        known = [float(cost) for cost in (provider.avg_input, provider.avg_output) if cost is not None]
        return round(sum(known) / len(known), 6) if known else None


class ModelSerializer(StrictSerializer):
    """A model of the catalog. Prices are US dollars per million tokens; null is unknown."""

    id = serializers.UUIDField(read_only=True)
    provider = serializers.PrimaryKeyRelatedField(queryset=Provider.objects.all(), pk_field=serializers.UUIDField())
    provider_name = serializers.CharField(source="provider.name", read_only=True)
    model_name = serializers.CharField(source="name", max_length=256)
    display_name = serializers.CharField(max_length=128, allow_blank=True, default="")
    input_cost_per_million = serializers.DecimalField(
        max_digits=14, decimal_places=6, min_value=0, allow_null=True, required=False
    )
    output_cost_per_million = serializers.DecimalField(
        max_digits=14, decimal_places=6, min_value=0, allow_null=True, required=False
    )
    context_length = serializers.IntegerField(min_value=1, max_value=1_000_000_000, allow_null=True, required=False)
    capabilities = serializers.ListField(
        child=serializers.CharField(max_length=64), max_length=50, allow_null=True, required=False
    )
    quality = serializers.IntegerField(min_value=0, max_value=100, allow_null=True, required=False)
    enabled = serializers.BooleanField(default=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class ProviderQuery(PageQuery):
    """Filters of the list of providers."""

    type = serializers.CharField(max_length=64, required=False)
    enabled = serializers.BooleanField(required=False)


class ModelQuery(PageQuery):
    """Filters of the list of models; `provider` is an id or a name."""

    provider = serializers.CharField(max_length=64, required=False)
    enabled = serializers.BooleanField(required=False)


class ProviderCreated(serializers.Serializer):
    """The answer to a new provider."""

    success = serializers.BooleanField(default=True)
    provider = ProviderSerializer()


class ModelCreated(serializers.Serializer):
    """The answer to a new model."""

    success = serializers.BooleanField(default=True)
    model = ModelSerializer()


class Deleted(serializers.Serializer):
    """The answer to a deletion."""

    success = serializers.BooleanField(default=True)
    id = serializers.UUIDField()
    deleted = serializers.BooleanField(default=True)


class ProviderPage(serializers.Serializer):
    """One page of providers."""

    providers = ProviderSerializer(many=True)
    total = serializers.IntegerField()
    page = serializers.IntegerField()
    size = serializers.IntegerField()


class ModelPage(serializers.Serializer):
    """One page of models."""

    models = ModelSerializer(many=True)
    total = serializers.IntegerField()
    page = serializers.IntegerField()
    size = serializers.IntegerField()


def provider_json(provider: Provider) -> Any:
    """A provider with its counts; one query."""
    return ProviderSerializer(Provider.objects.with_catalog().get(pk=provider.pk)).data
