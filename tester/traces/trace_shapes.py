"""Traces of a run in the API: what is asked for, and a page of them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tester.serializers import RunsQuery


class TracesQuery(RunsQuery):
    """`page` and `size` of all traces; or filters, and `after` for the next page: the `next_after` of the previous
    answer."""

    deployment_id = serializers.CharField(max_length=64, default=None, help_text="Requests that tried it.")
    status = serializers.ChoiceField(choices=["success", "error"], default=None)
    outcome = serializers.ChoiceField(choices=["answered", "failed", "refused", "left"], default=None)
    fallback = serializers.BooleanField(default=None, help_text="Requests that left their first tier.")
    tried = serializers.BooleanField(default=None, help_text="Whether they reached any deployment.")
    from_ms = serializers.FloatField(min_value=0, default=None, help_text="Requests that ended then or later.")
    to_ms = serializers.FloatField(min_value=0, default=None, help_text="Requests that ended then or before.")
    after = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["page"] > 1 and any(attrs[name] is not None for name in attrs.keys() - {"page", "size"}):
            raise serializers.ValidationError({"page": ["With filters or after, go on with next_after instead."]})
        return attrs


class TracePageSerializer(serializers.Serializer):
    """One page of traces, in the order in which their requests ended."""

    traces = serializers.ListField(child=serializers.DictField())
    total = serializers.IntegerField(allow_null=True, help_text="null with filters, whose matches are not counted.")
    page = serializers.IntegerField()
    size = serializers.IntegerField()
    next_after = serializers.IntegerField(
        allow_null=True, help_text="`after` of the next page, also when a long search found little; null at the end."
    )
