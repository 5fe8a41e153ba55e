"""Virtual models in the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from groups.virtual.scoring import effective
from groups.virtual.tiers import MOST_TIERS, TierPlan
from lib.serializers import Page, PageQuery, StrictSerializer


class TierSerializer(StrictSerializer):
    """From `minimum_score` on, the routing group named `pool` answers; the lowest tier needs no minimum."""

    name = serializers.CharField(max_length=32, required=False, allow_blank=True)
    minimum_score = serializers.IntegerField(allow_null=True, required=False)
    pool = serializers.CharField(source="pool.name", max_length=128)

    def to_internal_value(self, data: Any) -> TierPlan:
        values = dict(super().to_internal_value(data))
        if "pool" not in values:  # in a PATCH, which may change all tiers but not a part of one
            raise serializers.ValidationError({"pool": ["This field is required."]})
        return TierPlan(pool=values.pop("pool")["name"], **values)


class WordsField(serializers.ListField):
    """Keywords: whole words or phrases, upper or lower case."""

    child = serializers.CharField(max_length=200, allow_blank=True)


class ScoringSerializer(StrictSerializer):
    """The rules and their points; absent or null fields have their defaults."""

    simple_keywords = WordsField(required=False, allow_null=True)
    complex_keywords = WordsField(required=False, allow_null=True)
    simple_points = serializers.IntegerField(required=False, allow_null=True)
    complex_points = serializers.IntegerField(required=False, allow_null=True)
    most_length = serializers.IntegerField(required=False, allow_null=True)
    code_points = serializers.IntegerField(required=False, allow_null=True)
    most_sentences = serializers.IntegerField(required=False, allow_null=True)
    sentences_points = serializers.IntegerField(required=False, allow_null=True)
    most_messages = serializers.IntegerField(required=False, allow_null=True)
    messages_points = serializers.IntegerField(required=False, allow_null=True)

    def to_representation(self, instance: Mapping[str, Any]) -> dict[str, Any]:
        return dict(super().to_representation(effective(instance)))


class VirtualModelSerializer(StrictSerializer):
    """A virtual model. Read-only fields are ignored on input, so that an answer can be sent back."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=128)
    description = serializers.CharField(max_length=4000, allow_blank=True, default="")
    tiers: serializers.ListSerializer = serializers.ListSerializer(
        child=TierSerializer(), max_length=MOST_TIERS, help_text="Two to five, by minimum_score."
    )
    default_tier = serializers.CharField(
        max_length=32, allow_blank=True, default="", help_text="The tier that answers without a score: the highest."
    )
    scoring = ScoringSerializer(default=dict)
    is_active = serializers.BooleanField(default=True)
    revision = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    created_by = serializers.CharField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    updated_by = serializers.CharField(read_only=True)


class VirtualModelQuery(PageQuery):
    """Filters of the list."""

    is_active = serializers.BooleanField(required=False)


class VirtualModelPage(Page):
    """One page of virtual models."""

    virtual_models = VirtualModelSerializer(many=True)


class VirtualModelDeleted(serializers.Serializer):
    """The answer to a deletion."""

    id = serializers.UUIDField()
    deleted = serializers.BooleanField(default=True)


class InstalledTemplates(serializers.Serializer):
    """What the templates added; existing models and pools stay as they are."""

    virtual_models = serializers.ListField(child=serializers.CharField())
    pools = serializers.ListField(child=serializers.CharField())
