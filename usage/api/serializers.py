"""`/api/v1/llm/usage` as JSON: the query, and the answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from usage.analytics import AnalyticsQuery, period

UNITS = "What was charged besides tokens, by unit: search, image, character, second."
PERIODS = ("7d", "30d", "90d", "all")


class UsageQuery(serializers.Serializer):
    """`period` or `days` (30 days without either), and filters by name; teams and keys also by id."""

    period = serializers.ChoiceField(choices=PERIODS, required=False)
    days = serializers.IntegerField(min_value=1, max_value=3650, required=False)
    team = serializers.CharField(max_length=64, allow_blank=True, default="")
    key = serializers.CharField(max_length=64, allow_blank=True, default="")
    user = serializers.CharField(max_length=150, allow_blank=True, default="")
    group = serializers.CharField(max_length=256, allow_blank=True, default="")
    provider = serializers.CharField(max_length=64, allow_blank=True, default="")
    model = serializers.CharField(max_length=512, allow_blank=True, default="")
    virtual_model = serializers.CharField(max_length=128, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "period" in attrs and "days" in attrs:
            raise serializers.ValidationError({"days": ["Give either period or days, not both."]})
        return attrs

    @property
    def asked_period(self) -> str:
        """`7d`, or `all`."""
        found = self.validated_data
        return found["period"] if "period" in found else f"{found.get('days', 30)}d"

    def asked(self, *, owner: str = "") -> AnalyticsQuery:
        """The query; only for this owner, if there is one."""
        found = self.validated_data
        return AnalyticsQuery(
            since=period(self.asked_period),
            team=found["team"],
            key_id=found["key"],
            owner=owner or found["user"],
            group=found["group"],
            provider=found["provider"],
            model=found["model"],
            virtual_model=found["virtual_model"],
        )


class Figures(serializers.Serializer):
    """Numbers of some requests. `success_rate` is successes / (successes + failures), null without either."""

    requests = serializers.IntegerField()
    successes = serializers.IntegerField(help_text="Answered.")
    failures = serializers.IntegerField(help_text="Failed: the service's or a provider's fault.")
    refused = serializers.IntegerField(help_text="Declined because of the caller: bad request, key, right or limit.")
    left = serializers.IntegerField(help_text="The caller hung up before the end.")
    success_rate = serializers.FloatField(allow_null=True)
    tokens = serializers.IntegerField(source="total_tokens")
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cached_tokens = serializers.IntegerField()
    reasoning_tokens = serializers.IntegerField()
    units = serializers.DictField(child=serializers.FloatField(), help_text=UNITS)
    cost_usd = serializers.FloatField(help_text="The cost of the console's keys.")
    saved_usd = serializers.FloatField(help_text="The list price of requests that people's own keys paid for.")
    own_key_requests = serializers.IntegerField()
    latency_p50_ms = serializers.FloatField(source="p50_ms", allow_null=True)
    latency_p95_ms = serializers.FloatField(source="p95_ms", allow_null=True)


class UpstreamFigures(Figures):
    """The numbers of one provider or deployment: `success_rate` is counted by attempts there.

    The other numbers are of requests that it answered, or that failed there last.
    """

    success_rate = serializers.FloatField(source="attempt_success_rate", allow_null=True)
    attempts = serializers.IntegerField(help_text="Answered or failed; what was the caller's fault is not counted.")
    failed_attempts = serializers.IntegerField(help_text="Also where another deployment answered the request.")


class ProviderLine(UpstreamFigures):
    """The numbers of one provider."""

    provider = serializers.CharField()


class ModelLine(UpstreamFigures):
    """The numbers of one deployment."""

    model = serializers.CharField()


class GroupLine(Figures):
    """The numbers of one routing group."""

    group = serializers.CharField()


class VirtualModelLine(Figures):
    """The numbers of one virtual model."""

    virtual_model = serializers.CharField()


class TeamLine(Figures):
    """The numbers of one team; `id` is empty if it had none."""

    id = serializers.CharField()
    team = serializers.CharField()


class KeyLine(Figures):
    """The numbers of one API key."""

    id = serializers.CharField()
    key = serializers.CharField()


class UserLine(Figures):
    """The numbers of one person."""

    user = serializers.CharField()


class DayLine(Figures):
    """One day (UTC); the latencies are null, see those of the period."""

    date = serializers.DateField()


class UsageAnswer(serializers.Serializer):
    """All numbers of a period. `since` is its start, null before the first request."""

    period = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    total_requests = serializers.IntegerField()
    total_tokens = serializers.IntegerField()
    total_cost_usd = serializers.FloatField()
    success_rate = serializers.FloatField(allow_null=True)
    successes = serializers.IntegerField()
    failures = serializers.IntegerField()
    refused = serializers.IntegerField()
    left = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cached_tokens = serializers.IntegerField()
    reasoning_tokens = serializers.IntegerField()
    units = serializers.DictField(child=serializers.FloatField(), help_text=UNITS)
    saved_usd = serializers.FloatField()
    own_key_requests = serializers.IntegerField()
    latency_p50_ms = serializers.FloatField(allow_null=True)
    latency_p95_ms = serializers.FloatField(allow_null=True)
    by_provider = ProviderLine(many=True)
    by_model = ModelLine(many=True)
    by_group = GroupLine(many=True)
    by_virtual_model = VirtualModelLine(many=True)
    by_team = TeamLine(many=True)
    by_key = KeyLine(many=True)
    by_user = UserLine(many=True)
    by_day = DayLine(many=True)
