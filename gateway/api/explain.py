"""`…/explain`: the route of a request, without sending it."""

from __future__ import annotations

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.models import Role
from gateway.api.serializers import PlacedSerializer
from gateway.explain.explaining import explain_group, explain_virtual_model
from groups.models import RoutingGroup, VirtualModel
from lib.serializers import row_or_404


class ExplainRequestSerializer(serializers.Serializer):
    """Messages in OpenAI's shape."""

    messages = serializers.ListField(child=serializers.DictField(), max_length=1000)


class GroupExplainRequestSerializer(ExplainRequestSerializer):
    """The same; without messages, a request that fits into every context."""

    messages = serializers.ListField(child=serializers.DictField(), max_length=1000, default=list)


class PartSerializer(serializers.Serializer):
    """One reason for a score; `at` is its position in `text`."""

    kind = serializers.ChoiceField(choices=["length", "simple", "complex", "code", "sentences", "messages"])
    points = serializers.IntegerField()
    what = serializers.CharField()
    at = serializers.IntegerField(allow_null=True)


class CandidateSerializer(PlacedSerializer):
    """A deployment that would be asked; `chance` is the probability of being the first, null where the load decides.

    `proven_at` is when it last answered, a test request included; `failing_since` is set while its test requests fail.
    """

    chance = serializers.FloatField(allow_null=True)
    why = serializers.CharField()
    proven_at = serializers.DateTimeField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)


class ExcludedSerializer(PlacedSerializer):
    """A deployment that can't answer now; `is_tried`: the router asks it anyway."""

    why = serializers.CharField()
    is_tried = serializers.BooleanField()


class GroupExplainedSerializer(serializers.Serializer):
    """The deployments of a group and of its fallback groups, in order."""

    routing_group = serializers.CharField()
    candidates = CandidateSerializer(many=True)
    excluded = ExcludedSerializer(many=True)


class VirtualExplainedSerializer(serializers.Serializer):
    """The decision of a virtual model, and its candidates."""

    virtual_model = serializers.CharField()
    score = serializers.IntegerField(allow_null=True)
    parts = PartSerializer(many=True)
    text = serializers.CharField()
    tier = serializers.CharField(allow_null=True)
    pool = serializers.CharField(allow_null=True)
    decision = serializers.CharField()
    candidates = CandidateSerializer(many=True)
    excluded = ExcludedSerializer(many=True)


class VirtualModelExplainView(APIView):
    """The score of a message and its route."""

    write_role = Role.VIEWER  # nothing is written or spent

    @extend_schema(
        request=ExplainRequestSerializer, responses=VirtualExplainedSerializer, operation_id="explain_virtual_model"
    )
    def post(self, request: Request, virtual_model_id: str) -> Response:
        row = row_or_404(VirtualModel.objects.with_tiers(), virtual_model_id)
        asked = ExplainRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(asdict(explain_virtual_model(row, asked.validated_data["messages"])))


class GroupExplainView(APIView):
    """The deployments of a group in the order they would be asked."""

    write_role = Role.VIEWER

    @extend_schema(
        request=GroupExplainRequestSerializer, responses=GroupExplainedSerializer, operation_id="explain_routing_group"
    )
    def post(self, request: Request, group_id: str) -> Response:
        group = row_or_404(RoutingGroup.objects.all(), group_id)
        asked = GroupExplainRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(asdict(explain_group(group, asked.validated_data["messages"])))
