"""Comparisons in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from engine.spec import Router
from groups.serializers import RoutingGroupSerializer
from lib.serializers import StrictSerializer
from tester.comparing.planning import Against
from tester.runs.seeds import MOST_SEEDS
from tester.serializers import RangesField, SimulateSerializer, SimulationResultSerializer

ONE_OF_THEM = "Give one of routing_group_id, revision, draft and router."


class AgainstSerializer(StrictSerializer):
    """The other side: exactly one of these."""

    routing_group_id = serializers.UUIDField(required=False, help_text="Another group, or this one.")
    revision = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, required=False, help_text="An earlier revision of this group."
    )
    draft = RoutingGroupSerializer(required=False, help_text="This group as a PUT of it would make it; not saved.")
    router = serializers.ChoiceField(
        choices=[router.value for router in Router],
        required=False,
        help_text="The same group with this router: litellm shows what a LiteLLM proxy would do.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError(ONE_OF_THEM)
        return attrs


class CompareSerializer(SimulateSerializer):
    """The other side, and the rehearsal of both. Real requests can't be compared."""

    key = None  # type: ignore[assignment]  # both sides are groups
    against = AgainstSerializer()
    seeds = serializers.IntegerField(
        min_value=1,
        max_value=MOST_SEEDS,
        required=False,
        allow_null=True,
        help_text="How many seeds both sides are rehearsed with; by default 10, or fewer for a large comparison.",
    )

    def validate_mock(self, is_mock: bool) -> bool:
        if not is_mock:
            raise serializers.ValidationError("A comparison is a rehearsal. Leave this out, or set it to true.")
        return is_mock

    def validate_against(self, asked: dict[str, Any]) -> Against:
        return Against(**asked)


class ComparedResultSerializer(SimulationResultSerializer):
    """The result of one side with the first seed, and its ranges over all of them."""

    run_id = None  # type: ignore[assignment]  # nothing is stored
    ranges = RangesField()


class DifferenceSerializer(serializers.Serializer):
    """One metric of both sides. Rates and shares are 0 to 1; `share:ID` is a deployment's share of all answers."""

    metric = serializers.CharField()
    a = serializers.FloatField(allow_null=True, help_text="The median over the seeds; null where nothing was measured.")
    b = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="The smallest b - a of one seed.")
    high = serializers.FloatField(allow_null=True, help_text="The largest b - a of one seed.")
    better = serializers.ChoiceField(
        choices=["a", "b"],
        allow_null=True,
        help_text="The side that was better with every seed; null without one, and for metrics without a better "
        "direction, such as shares.",
    )


class NamesSerializer(serializers.Serializer):
    """What both sides are, for people."""

    a = serializers.CharField()
    b = serializers.CharField()


class ComparisonSerializer(serializers.Serializer):
    """Both sides under the same seeds, and their differences."""

    a = ComparedResultSerializer()
    b = ComparedResultSerializer()
    differences = DifferenceSerializer(many=True)
    names = NamesSerializer()
    seeds = serializers.IntegerField()
    notes = serializers.ListField(
        child=serializers.CharField(), help_text="What one side was rehearsed without, and whose traffic both get."
    )


class NoComparisonSerializer(serializers.Serializer):
    """Why there is no comparison."""

    detail = serializers.CharField()
