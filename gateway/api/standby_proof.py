"""`…/deployments/{id}/prove`: asks a deployment for one token, now."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Role
from gateway.background.proof_requests import prove_now
from groups.models import Deployment
from lib.ids import uuid_of


class StandbyProofSerializer(serializers.Serializer):
    """What came of it; `error` is null after an answer. `failed` test requests failed in a row since `failing_since`.

    `call_id` is its row in the request log, null if nothing could be sent.
    """

    deployment_id = serializers.CharField()
    success = serializers.BooleanField()
    proven_at = serializers.DateTimeField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    failed = serializers.IntegerField()
    error = serializers.CharField(allow_null=True)
    call_id = serializers.CharField(allow_null=True)


class StandbyProofView(APIView):
    """One request for one token, through the engine that serves."""

    write_role = Role.OPERATOR

    @extend_schema(
        request=None,
        responses={
            200: StandbyProofSerializer,
            429: OpenApiResponse(
                {"$ref": "#/components/schemas/Failure"},
                "It was asked a moment ago, or too many wrong keys came from this address; see Retry-After.",
            ),
        },
        operation_id="prove_deployment",
    )
    def post(self, request: Request, group_id: str, deployment_id: str) -> Response:
        """Asks a deployment of a group, active or not, whether it answers; its provider may charge a token."""
        of_group = Deployment.objects.filter(group_id=uuid_of(group_id)).select_related("model__provider__key")
        row = of_group.filter(model_id=uuid_of(deployment_id)).first()
        if row is None:
            raise Http404("This group has no such deployment.")
        proof = prove_now(by=actor_of(request), deployment=row)
        return Response(
            {
                "deployment_id": proof.deployment_id,
                "success": not proof.error,
                "proven_at": proof.state.proven_at,
                "failing_since": proof.state.failing_since,
                "failed": proof.state.failed,
                "error": proof.error or None,
                "call_id": proof.call_id or None,
            }
        )
