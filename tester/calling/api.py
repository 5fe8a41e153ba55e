"""`POST /v1/simulate`: a rehearsal of what a client calls."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.keys import MASTER
from access.models import Role
from tester import serializers as shapes
from tester.api import bad_input_as_400, started
from tester.calling.called_as import calling_of
from tester.calling.keys import holder_for
from tester.run_planning import RunRequest, plan


class CalledSerializer(shapes.SimulateSerializer):
    """The same for a name that a client calls."""

    model = serializers.CharField(
        max_length=256, help_text="A routing group in service, a virtual model, an alias, or auto and its power levels."
    )


class SimulateCalledView(APIView):
    """A rehearsal of what a client calls: a group, an alias, a virtual model or a power level."""

    write_role = Role.OPERATOR

    @extend_schema(
        operation_id="simulate_called_model",
        parameters=[shapes.SimulateQuery],
        request=CalledSerializer,
        responses={
            200: shapes.SimulationResultSerializer,
            202: shapes.RunStartedSerializer,
            409: shapes.RunFailedSerializer,
            503: shapes.RunFailedSerializer,
        },
    )
    def post(self, request: Request) -> Response:
        query = shapes.SimulateQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        asked = CalledSerializer.checked(request.data)
        name, key = asked.pop("model"), asked.pop("key", None)
        with bad_input_as_400():
            calling = calling_of(name, MASTER if key is None else holder_for(actor_of(request), str(key)))
            planned = plan(calling.group, RunRequest(**asked), calling=calling)
        return started(request, planned, query.validated_data["wait"])
