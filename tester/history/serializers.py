"""Rehearsals of the past in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from lib.serializers import Page, StrictSerializer
from tester.models import HistoryRun, RunStatus
from tester.runs.seeds import MOST_SEEDS

MOST_PER_HOUR = 36_000
MOST_TOKENS = 1_000_000
SEED_LIMIT = 2**32


class IncidentSerializer(serializers.Serializer):
    """One incident of a service. Without an `end` it is still open."""

    service = serializers.CharField()
    start = serializers.CharField(help_text="A date or a time in UTC, like 2024-12-11T23:17Z.")
    end = serializers.CharField(required=False, allow_null=True)
    impact = serializers.ChoiceField(choices=["none", "maintenance", "minor", "major", "critical"])


class HistorySerializer(StrictSerializer):
    """A period of the past: a year, or from and until."""

    year = serializers.IntegerField(required=False, allow_null=True)
    until = serializers.CharField(required=False, allow_null=True, max_length=64)
    services = serializers.DictField(
        child=serializers.CharField(max_length=256, allow_blank=True),
        required=False,
        allow_null=True,
        help_text="The service of each provider, by its name; an empty one means none. By default by its type.",
    )
    impact_shares = serializers.DictField(
        child=serializers.FloatField(min_value=0, max_value=1),
        required=False,
        allow_null=True,
        help_text="The share of failing requests by impact; by default none 0, minor 0.1, major 0.5, critical 1.",
    )
    incidents = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        allow_null=True,
        help_text="More incidents, of any service: `{service, start, end?, impact}`.",
    )
    seeds = serializers.IntegerField(min_value=1, max_value=MOST_SEEDS, default=5, help_text="How many.")
    seed = serializers.IntegerField(min_value=0, max_value=SEED_LIMIT, default=1, help_text="The first of them.")
    requests_per_hour = serializers.IntegerField(min_value=1, max_value=MOST_PER_HOUR, default=60)
    input_tokens = serializers.IntegerField(min_value=1, max_value=MOST_TOKENS, default=500)
    output_tokens = serializers.IntegerField(min_value=1, max_value=MOST_TOKENS, default=100)
    is_stream = serializers.BooleanField(default=False)

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        fields["from"] = serializers.CharField(required=False, allow_null=True, max_length=64)
        return fields


class WeekSerializer(serializers.Serializer):
    """A week from Monday 00:00 UTC, or from the period's start."""

    starts = serializers.CharField()
    availability = serializers.FloatField()
    alone = serializers.DictField(child=serializers.FloatField())
    requests = serializers.IntegerField()
    lost = serializers.FloatField()


class WorstSerializer(serializers.Serializer):
    """Consecutive hours in which requests were lost while these services were down."""

    until = serializers.CharField()
    lost = serializers.FloatField()
    down = serializers.ListField(child=serializers.CharField())

    def get_fields(self) -> dict[str, serializers.Field]:
        return {"from": serializers.CharField(), **super().get_fields()}


class HistoryResultSerializer(serializers.Serializer):
    """What would have become of a period's requests: means over the seeds that are done, and ranges as
    [lowest, median, highest]."""

    run_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=RunStatus.choices, help_text="running while other seeds are under way.")
    seeds_asked = serializers.IntegerField(help_text="How many seeds it will have.")
    seeds_done = serializers.IntegerField()
    until = serializers.CharField()
    availability = serializers.FloatField(help_text="Answered / (answered + failed).")
    ranges = serializers.DictField(child=serializers.ListField(child=serializers.FloatField()))
    alone = serializers.DictField(
        child=serializers.FloatField(), help_text="The availability of the same group with one provider only."
    )
    requests = serializers.IntegerField()
    lost = serializers.FloatField()
    cost_usd = serializers.FloatField(help_text="Of the whole period, at the prices of today.")
    weeks = WeekSerializer(many=True)
    worst = WorstSerializer(many=True)
    seeds = serializers.ListField(child=serializers.IntegerField(), help_text="Those that are done.")
    services = serializers.DictField(child=serializers.CharField())
    without_service = serializers.ListField(
        child=serializers.CharField(), help_text="Providers of which no incidents are known: they never fail here."
    )
    impact_shares = serializers.DictField(child=serializers.FloatField())
    requests_per_hour = serializers.IntegerField()
    notes = serializers.ListField(child=serializers.CharField())

    def get_fields(self) -> dict[str, serializers.Field]:
        return {"from": serializers.CharField(), **super().get_fields()}


class HistoryRunSummarySerializer(serializers.ModelSerializer):
    """A rehearsal of the past in a list."""

    run_id = serializers.UUIDField(source="id")
    routing_group_id = serializers.UUIDField(source="group_id", allow_null=True)
    routing_group_name = serializers.CharField(source="group_name")
    status = serializers.ChoiceField(source="current_status", choices=RunStatus.choices)
    error = serializers.CharField(source="current_error")
    seeds_asked = serializers.IntegerField(source="seeds")
    progress = serializers.FloatField(help_text="The share of all seeds together that is done, 0 to 1.")

    class Meta:
        model = HistoryRun
        fields: tuple[str, ...] = (
            *("run_id", "routing_group_id", "routing_group_name", "group_revision", "status", "error", "progress"),
            *("seeds_asked", "seeds_done", "created_by", "created_at", "started_at", "finished_at"),
        )
        read_only_fields = fields


class HistoryRunSerializer(HistoryRunSummarySerializer):
    """A whole one: also its request, and its answer after the seeds that are done."""

    config = serializers.DictField()
    result = HistoryResultSerializer(allow_null=True)

    class Meta(HistoryRunSummarySerializer.Meta):
        fields = (*HistoryRunSummarySerializer.Meta.fields, "config", "result")
        read_only_fields = fields

    def to_representation(self, instance: HistoryRun) -> dict[str, Any]:
        shown: dict[str, Any] = HistoryRunSummarySerializer(instance).data
        result = None if instance.result is None else history_json(instance)
        return {**shown, "config": instance.config, "result": result}


class HistoryRunPageSerializer(Page):
    """One page of them, newest first."""

    runs = HistoryRunSummarySerializer(many=True)


def history_json(run: HistoryRun) -> dict[str, Any]:
    """The answer of one that has done a seed."""
    about = {"run_id": str(run.pk), "status": run.current_status.value}
    return {**about, "seeds_asked": run.seeds, "seeds_done": run.seeds_done, **(run.result or {})}
