"""Providers and models in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from lib.serializers import Page, PageQuery, StrictSerializer
from providers.actions import MAX_MODELS_AT_ONCE
from providers.catalog.prices import average_usd
from providers.models import LimitName, Provider, SystemRole, Unit
from providers.rules import DIALECTS

MOST_PER_MINUTE = 1_000_000_000


class UpstreamName(serializers.CharField):
    """The provider's name for a model."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=256, **options)


class PriceField(serializers.DecimalField):
    """US dollars per million tokens, or null."""

    def __init__(self, **options: Any) -> None:
        limits = {"max_digits": 14, "decimal_places": 6, "min_value": 0}
        super().__init__(**{**limits, "allow_null": True, "default": None, **options})


class MaskedKeyField(serializers.CharField):
    """Accepts a key in plaintext; returns its hint (`sk-…****1234`) or null."""

    def get_attribute(self, instance: Provider) -> str | None:
        key = getattr(instance, "key", None)
        return (key and key.hint) or None


class MaskedCredentialsField(serializers.DictField):
    """Accepts secrets by LiteLLM's names (`aws_secret_access_key`); returns their hints."""

    child = serializers.CharField(max_length=4096, allow_blank=True)

    def get_attribute(self, instance: Provider) -> dict[str, str]:
        key = getattr(instance, "key", None)
        return key.hints if key else {}


class ProviderSerializer(StrictSerializer):
    """A provider. `avg_cost` is US dollars per million tokens, the mean of the known input and output prices.

    `settings` and `credentials` are the further fields of its type: `api_version` for azure; `aws_region_name`,
    `aws_access_key_id` and `aws_secret_access_key` for aws. `rpm` and `tpm` limit each of its deployments without a
    limit of its own. `models` are upstream names. `dialects` are the protocols that the console speaks with it: `chat`
    and `responses` (OpenAI's) and `messages` (Anthropic's) directly, or `litellm` alone; none means those of its type.
    `dialects_probed` says which of them its server answered when it was last asked, null where that can't be told.
    `extra_headers` and the fields of `extra_body` are in every request to it; a deployment's own win, and both win over
    the client's. They hold no secrets. `proves_standby`: its deployments in active groups are asked for one token when
    they have answered nothing for STANDBY_PROOF_HOURS.
    """

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=64, allow_blank=True, default="")
    type = serializers.CharField(max_length=64)
    api_key = MaskedKeyField(max_length=4096, allow_blank=True, default="")
    api_base = serializers.CharField(max_length=512, allow_blank=True, default="")
    priority = serializers.IntegerField(min_value=1, max_value=100, default=50)
    auto_fallback = serializers.BooleanField(default=True)
    proves_standby = serializers.BooleanField(default=True)
    enabled = serializers.BooleanField(default=True)
    settings = serializers.DictField(child=serializers.CharField(max_length=256, allow_blank=True), default=dict)
    credentials = MaskedCredentialsField(default=dict)
    dialects = serializers.ListField(child=serializers.ChoiceField(choices=DIALECTS), default=list)
    dialects_probed = serializers.DictField(child=serializers.BooleanField(allow_null=True), read_only=True)
    dialects_probed_at = serializers.DateTimeField(read_only=True, allow_null=True)
    extra_headers = serializers.DictField(child=serializers.CharField(max_length=1024), default=dict)
    extra_body = serializers.DictField(default=dict)
    rpm = serializers.IntegerField(min_value=1, max_value=MOST_PER_MINUTE, allow_null=True, default=None)
    tpm = serializers.IntegerField(min_value=1, max_value=MOST_PER_MINUTE, allow_null=True, default=None)
    models = serializers.ListField(child=UpstreamName(), max_length=MAX_MODELS_AT_ONCE, default=list, write_only=True)
    status = serializers.CharField(read_only=True)
    error = serializers.CharField(read_only=True)
    error_since = serializers.DateTimeField(read_only=True)
    latency_ms = serializers.FloatField(read_only=True)
    model_count = serializers.IntegerField(read_only=True)
    avg_cost = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(read_only=True)
    created_by = serializers.CharField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    updated_by = serializers.CharField(read_only=True)

    def get_avg_cost(self, provider: Any) -> float | None:
        return average_usd(provider)


class ProviderChange(ProviderSerializer):
    """A changed provider. PATCH changes the given fields, PUT sets all others to their defaults.

    Name, type, key, credentials and models stay in both unless they are given: a key is replaced by a new one, removed
    by null or '', and kept if its hint is sent back. `models` is the whole list of upstream names: new ones are added,
    missing ones removed (409 if a routing group uses one). A provider keeps its type. Its name is part of the names
    that clients call: `provider/model`.
    """

    name = serializers.CharField(max_length=64, allow_blank=True, required=False)
    type = serializers.CharField(max_length=64, required=False)
    api_key = MaskedKeyField(max_length=4096, allow_blank=True, allow_null=True, required=False)
    credentials = MaskedCredentialsField(required=False)
    models = serializers.ListField(child=UpstreamName(), max_length=MAX_MODELS_AT_ONCE, required=False, write_only=True)

    def validate_api_key(self, value: str | None) -> str:
        return value or ""


class ModelSerializer(StrictSerializer):
    """A model of the catalog. Prices are US dollars per million tokens; null means unknown.

    Prices, limits and capabilities that are null or absent in a body come from the price map: under `base_model` where
    the provider's name is one's own, such as an Azure deployment's. `price_per_unit` is US dollars for one `unit`,
    besides tokens. Requests for more output than `max_output_tokens` are sent with that. A model that takes only one
    name of the limit, or one role of system messages, says so in `limit_name` and `system_role`. `quality` is the typed
    value; `quality_score` is that or a guess from the price, and `quality_source` says which.
    """

    id = serializers.UUIDField(read_only=True)
    provider = serializers.PrimaryKeyRelatedField(queryset=Provider.objects.all(), pk_field=serializers.UUIDField())
    provider_name = serializers.CharField(source="provider.name", read_only=True)
    model_name = UpstreamName(source="name")
    display_name = serializers.CharField(max_length=128, allow_blank=True, default="")
    input_cost_per_million = PriceField()
    output_cost_per_million = PriceField()
    cached_input_cost_per_million = PriceField()
    cache_write_cost_per_million = PriceField()
    unit = serializers.ChoiceField(choices=Unit.choices, allow_blank=True, allow_null=True, default=None)
    price_per_unit = serializers.DecimalField(
        max_digits=16, decimal_places=10, min_value=0, allow_null=True, default=None
    )
    context_length = serializers.IntegerField(min_value=1, max_value=1_000_000_000, allow_null=True, default=None)
    max_output_tokens = serializers.IntegerField(min_value=1, max_value=1_000_000_000, allow_null=True, default=None)
    base_model = UpstreamName(allow_blank=True, default="")
    limit_name = serializers.ChoiceField(choices=LimitName.choices, allow_blank=True, default="")
    system_role = serializers.ChoiceField(choices=SystemRole.choices, allow_blank=True, default="")
    capabilities = serializers.ListField(
        child=serializers.CharField(max_length=64), max_length=50, allow_null=True, default=None
    )
    quality = serializers.IntegerField(min_value=0, max_value=100, allow_null=True, default=None)
    quality_score = serializers.IntegerField(read_only=True, allow_null=True)
    quality_source = serializers.CharField(read_only=True)
    enabled = serializers.BooleanField(default=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class ModelChange(ModelSerializer):
    """A changed model. PATCH changes the given fields; PUT also sets absent ones to the price map's values or defaults.

    Its provider stays, and so does its name unless it is given.
    """

    provider = serializers.PrimaryKeyRelatedField(
        queryset=Provider.objects.all(), pk_field=serializers.UUIDField(), required=False
    )
    model_name = UpstreamName(source="name", required=False)

    def validate_provider(self, provider: Provider) -> Provider:
        if provider.pk != self.context["model"].provider_id:
            raise serializers.ValidationError("A model stays with its provider. Add it to the other one as well.")
        return provider


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


class ProviderPage(Page):
    """One page of providers."""

    providers = ProviderSerializer(many=True)


class ModelPage(Page):
    """One page of models."""

    models = ModelSerializer(many=True)


def provider_json(provider: Provider) -> Any:
    """A provider with its counts; one query."""
    return ProviderSerializer(Provider.objects.with_catalog().get(pk=provider.pk)).data
