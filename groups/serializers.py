"""Routing groups in the API (RoutingGroupConfig and its parts)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from groups import config_schemas
from groups.deployments.placements import MAX_DEPLOYMENTS, Placement
from groups.models import Strategy
from groups.models.routing import LONGEST_WAIT_S, MOST_PARALLEL, REGION_LENGTH
from lib.serializers import Page, PageQuery, StrictSerializer

# The API's names for fields that have another name in the row.
API_NAMES = {"name": "routing_group_name", "strategy": "routing_strategy"}


class DeploymentSerializer(StrictSerializer):
    """A model inside a group: `model_id`, or `provider` (name or type) and `model_name`."""

    model_id = serializers.UUIDField(required=False)
    model_name = serializers.CharField(source="model.name", max_length=256, required=False)
    provider = serializers.CharField(source="model.provider.name", max_length=64, required=False)
    priority = serializers.IntegerField(min_value=1, max_value=1000, allow_null=True, required=False)
    weight = serializers.IntegerField(min_value=0, max_value=1_000_000, allow_null=True, required=False)
    display_name = serializers.CharField(max_length=128, allow_blank=True, default="")
    rpm = serializers.IntegerField(min_value=1, max_value=1_000_000_000, allow_null=True, required=False)
    tpm = serializers.IntegerField(min_value=1, max_value=1_000_000_000, allow_null=True, required=False)
    max_parallel = serializers.IntegerField(min_value=1, max_value=MOST_PARALLEL, allow_null=True, required=False)
    max_wait_s = serializers.FloatField(min_value=0, max_value=LONGEST_WAIT_S, allow_null=True, required=False)
    extra_headers = serializers.DictField(child=serializers.CharField(max_length=1024), default=dict)
    extra_body = serializers.DictField(default=dict)
    capacity = serializers.DictField(
        default=dict,
        help_text="What its upstream can take, for rehearsals: `{slots, queue?, prefill_tokens_per_s?, "
        "decode_tokens_per_s?}`; {} where nobody knows.",
    )

    region = serializers.CharField(
        max_length=REGION_LENGTH,
        allow_blank=True,
        default="",
        help_text="Where it runs, such as `eu-west-1`; empty: as its provider's settings say. For rehearsals.",
    )

    def to_internal_value(self, data: Any) -> Placement:
        values = dict(super().to_internal_value(data))
        model = values.pop("model", {})
        named = {"model_name": model.get("name", ""), "provider": model.get("provider", {}).get("name", "")}
        return Placement(**named, **values)


class StringsField(serializers.ListField):
    """A list of ids."""

    child = serializers.CharField(max_length=128)


@extend_schema_field(config_schemas.RETRY)
class RetryConfigField(serializers.DictField):
    """`retry_config`; `config_checks.py` checks it."""


@extend_schema_field(config_schemas.COOLDOWN)
class CooldownConfigField(serializers.DictField):
    """`cooldown_config`."""


@extend_schema_field(config_schemas.FALLBACK)
class FallbackConfigField(serializers.DictField):
    """`fallback_config`."""


@extend_schema_field(config_schemas.SETTINGS)
class SettingsField(serializers.DictField):
    """`settings`."""


class RoutingGroupSerializer(StrictSerializer):
    """A routing group. Read-only fields are ignored on input, so that an answer can be sent back."""

    routing_group_id = serializers.UUIDField(source="id", read_only=True)
    routing_group_name = serializers.CharField(source="name", max_length=128)
    description = serializers.CharField(max_length=4000, allow_blank=True, default="")
    routing_strategy = serializers.ChoiceField(source="strategy", choices=Strategy.choices)
    deployments: serializers.ListSerializer = serializers.ListSerializer(
        child=DeploymentSerializer(), allow_empty=False, max_length=MAX_DEPLOYMENTS
    )
    fallback_config = FallbackConfigField(default=dict)
    retry_config = RetryConfigField(default=dict)
    cooldown_config = CooldownConfigField(default=dict)
    settings = SettingsField(default=dict)
    assigned_team_ids = StringsField(default=list, max_length=1000)
    assigned_key_ids = StringsField(default=list, max_length=1000)
    is_active = serializers.BooleanField(default=True)
    revision = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    created_by = serializers.CharField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    updated_by = serializers.CharField(read_only=True)


class RoutingGroupQuery(PageQuery):
    """Filters of the list."""

    strategy = serializers.ChoiceField(choices=Strategy.values, required=False)
    is_active = serializers.BooleanField(required=False)


class RoutingGroupPage(Page):
    """One page of groups (RoutingGroupListResponse)."""

    routing_groups = RoutingGroupSerializer(many=True)


class RoutingGroupDeleted(serializers.Serializer):
    """The answer to a deletion."""

    routing_group_id = serializers.UUIDField()
    deleted = serializers.BooleanField(default=True)
