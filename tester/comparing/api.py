"""`POST /v1/routing_group/{id}/compare`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Role
from engine.exceptions import BadInput
from groups.models import RoutingGroup
from groups.serializers import API_NAMES
from lib.serializers import errors_named, row_or_404
from tester.comparing import serializers as shapes
from tester.comparing.performing import compare
from tester.comparing.planning import plan_comparison
from tester.exceptions import RunBroken
from tester.run_planning import RunRequest

AGAINST = "against."


class CompareView(APIView):
    """Two configurations under the same seeds and traffic. Nothing is stored."""

    write_role = Role.OPERATOR

    @extend_schema(
        operation_id="compare_routing_group",
        request=shapes.CompareSerializer,
        responses={200: shapes.ComparisonSerializer, 503: shapes.NoComparisonSerializer},
    )
    def post(self, request: Request, group_id: str) -> Response:
        group = row_or_404(RoutingGroup.objects.with_deployments(), group_id)
        asked = shapes.CompareSerializer.checked(request.data)
        against, seeds = asked.pop("against"), asked.pop("seeds", None)
        with _bad_input_as_400():
            planned = plan_comparison(group, against, RunRequest(**asked), seeds=seeds)
        try:
            return Response(compare(by=actor_of(request), plan=planned).to_json())
        except RunBroken as broken:
            return Response({"detail": str(broken)}, status=503)


@contextmanager
def _bad_input_as_400() -> Iterator[None]:
    """Errors by field; those of the other side are under `against`, where its own fields are."""
    try:
        with errors_named(**API_NAMES):
            yield
    except serializers.ValidationError as error:
        raise serializers.ValidationError({"against": {"draft": error.detail}}) from error
    except BadInput as error:
        raise serializers.ValidationError(_by_field(error.field, error.message)) from error


def _by_field(field: str, message: str) -> dict[str, Any]:
    if field.startswith(AGAINST):
        return {"against": {field.removeprefix(AGAINST): [message]}}
    return {field: [message]}
