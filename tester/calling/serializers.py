"""What came of a name that was called, in the API."""

from __future__ import annotations

from rest_framework import serializers


class GroupCountSerializer(serializers.Serializer):
    """What came to one group, and what became of it."""

    group = serializers.CharField()
    tier = serializers.CharField(allow_blank=True, help_text="Of the virtual model; empty without one.")
    requests = serializers.IntegerField()
    answered = serializers.IntegerField()
    failed = serializers.IntegerField()
    refused = serializers.IntegerField(help_text="Because of the request itself.")
    left = serializers.IntegerField()
    refused_by_key = serializers.IntegerField(help_text="By a limit or for want of credits, before anybody was asked.")
    cost_usd = serializers.FloatField()


class KeyRefusalSerializer(serializers.Serializer):
    """Why the key refused requests, and how many."""

    code = serializers.CharField()
    why = serializers.CharField()
    requests = serializers.IntegerField()
