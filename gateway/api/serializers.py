"""Shapes of the gateway's REST API; the names are fixed."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from engine.ledger import SkipReason


class PlacedSerializer(serializers.Serializer):
    """A deployment with its group and tier."""

    deployment_id = serializers.CharField()
    deployment_name = serializers.CharField()
    provider = serializers.CharField()
    model_group = serializers.CharField()
    tier = serializers.IntegerField()


class AttemptSerializer(PlacedSerializer):
    """One call to one deployment."""

    started_at = serializers.DateTimeField()
    fallback_depth = serializers.IntegerField()
    duration_ms = serializers.FloatField(allow_null=True)
    first_token_ms = serializers.FloatField(allow_null=True)
    status = serializers.ChoiceField(choices=["pending", "success", "error", "cancelled"])
    status_code = serializers.IntegerField(allow_null=True)
    error_class = serializers.CharField(allow_null=True)
    error_message = serializers.CharField(allow_null=True)
    moved_on_because = serializers.CharField(allow_null=True)
    provider_id = serializers.CharField(required=False)
    model = serializers.CharField(required=False, help_text="The provider's name for it.")
    own_key = serializers.BooleanField(required=False, help_text="Whether the caller's own key was used.")
    dropped_events = serializers.IntegerField(
        required=False, help_text="Events of its stream that were not JSON and were not passed on."
    )
    dropped_params = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Parameters that its provider's dialect does not know."
    )
    rescue = serializers.ChoiceField(
        choices=["", "continued", "restarted"],
        required=False,
        help_text="How it went on with the stream before, which broke after its first content.",
    )
    part = serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        required=False,
        allow_null=True,
        help_text="Input tokens, output tokens and cost in US dollars of this part of a rescued stream, or of an "
        "attempt that another one was faster than.",
    )
    hedge = serializers.ChoiceField(
        choices=["", "hedged", "hedge_lost"],
        required=False,
        help_text="`hedged`: it was asked beside the one before, which was slow to begin. `hedge_lost`: the one beside "
        "it began first, so it was closed.",
    )
    dialect = serializers.CharField(
        required=False,
        help_text="The protocol spoken with the provider: `chat`, `responses`, `messages`, or `litellm`.",
    )
    sticky = serializers.BooleanField(
        required=False, help_text="Whether it was asked first because it answered the conversation before."
    )


class SkipSerializer(PlacedSerializer):
    """A candidate that was not asked; `not_needed` is a standby, not a skip. Unknown fields are left out."""

    reason = serializers.ChoiceField(choices=[reason.value for reason in SkipReason])
    message = serializers.CharField()
    fallback_depth = serializers.IntegerField()
    for_s = serializers.FloatField(required=False, help_text="The remaining seconds of the cooldown.")
    since = serializers.DateTimeField(required=False)
    cause = serializers.CharField(required=False, help_text="The failures that caused it: `2×503`.")
    cause_call_id = serializers.CharField(required=False, help_text="The request that failed last.")
    proven_at = serializers.DateTimeField(
        required=False, help_text="When a standby last answered, a test request included."
    )
    failing_since = serializers.DateTimeField(
        required=False, help_text="The test requests to a standby fail since then."
    )


class ChoiceSerializer(serializers.Serializer):
    """The choice of a virtual model, with the score (null: there was no text to score)."""

    virtual_model = serializers.CharField()
    score = serializers.IntegerField(allow_null=True)
    tier = serializers.CharField()
    pool = serializers.CharField()


class AttemptsSerializer(serializers.Serializer):
    """All attempts and skips of one request; `choice` if it called a virtual model.

    `fell_back`: a better tier or group had failed or was skipped.
    """

    call_id = serializers.CharField()
    model_group = serializers.CharField()
    choice = ChoiceSerializer(allow_null=True)
    attempts = AttemptSerializer(many=True)
    skipped = SkipSerializer(many=True)
    fell_back = serializers.BooleanField()


class TrialRequestSerializer(serializers.Serializer):
    """`{messages?, mock?, model params?}`: other fields are passed to the model."""

    messages = serializers.ListField(child=serializers.DictField(), required=False, min_length=1, max_length=1000)
    mock = serializers.BooleanField(default=False)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        own: dict[str, Any] = super().to_internal_value(data)
        return {**own, "params": {name: value for name, value in data.items() if name not in self.fields}}


class RoutingTraceSerializer(serializers.Serializer):
    """One attempt of a test request."""

    deployment_id = serializers.CharField()
    deployment_name = serializers.CharField()
    provider = serializers.CharField()
    latency_ms = serializers.FloatField()
    was_fallback = serializers.BooleanField()
    fallback_depth = serializers.IntegerField()
    status = serializers.CharField()
    error_message = serializers.CharField(allow_null=True)
    error_class = serializers.CharField(allow_null=True)
    tier = serializers.IntegerField()
    moved_on_because = serializers.CharField(allow_null=True)
    started_ms = serializers.FloatField()
    dropped_params = serializers.ListField(child=serializers.CharField(), required=False)


class TrialSerializer(serializers.Serializer):
    """The result of a test request."""

    success = serializers.BooleanField()
    response_text = serializers.CharField(allow_null=True)
    traces = RoutingTraceSerializer(many=True)
    total_latency_ms = serializers.FloatField()
    final_deployment = serializers.CharField()
    final_provider = serializers.CharField()
    call_id = serializers.CharField()
    error = serializers.CharField(allow_null=True)
    skipped = SkipSerializer(many=True)
