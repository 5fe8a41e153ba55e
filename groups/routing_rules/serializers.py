"""The routing rules as the API spells them."""

from __future__ import annotations

from rest_framework import serializers

from groups.routing_rules.power_levels import LevelStrategy
from lib.serializers import StrictSerializer


class WeightsSerializer(StrictSerializer):
    """How much each measure counts under the strategy `custom`, relative to the others."""

    cost = serializers.FloatField(min_value=0, default=0)
    latency = serializers.FloatField(min_value=0, default=0)
    quality = serializers.FloatField(min_value=0, default=0)


class RoutingRulesSerializer(StrictSerializer):
    """The rules. On input, what is absent stays as it is."""

    strategy = serializers.ChoiceField(
        choices=list(LevelStrategy), required=False, help_text="What plain `auto` goes by."
    )
    weights = WeightsSerializer(required=False)
    fallback_providers = serializers.ListField(
        child=serializers.CharField(max_length=128),
        required=False,
        help_text="Ids, names or types of providers that models called by their own name fall back to, in order.",
    )
    model_aliases = serializers.DictField(
        child=serializers.CharField(max_length=256),
        required=False,
        help_text="Alias -> routing group, virtual model, power level or `provider/model`.",
    )
    problems = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="What is stored but leads nowhere now."
    )
    revision = serializers.IntegerField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True, allow_null=True)
    updated_by = serializers.CharField(read_only=True)
