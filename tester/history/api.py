"""`POST /v1/routing_group/{id}/history`: a period of real incidents through a group."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Role
from groups.models import RoutingGroup
from lib.serializers import row_or_404
from tester import rules
from tester.api import bad_input_as_400
from tester.exceptions import RunBroken
from tester.history.performing import rehearse_history
from tester.history.planning import HistoryRequest, plan_history
from tester.history.serializers import HistoryResultSerializer, HistorySerializer
from tester.serializers import RunFailedSerializer


class HistoryView(APIView):
    """A rehearsal of a period of the past. It is answered when it is done, and not stored."""

    write_role = Role.OPERATOR

    @extend_schema(
        operation_id="rehearse_history_of_routing_group",
        request=HistorySerializer,
        responses={200: HistoryResultSerializer, 503: RunFailedSerializer},
    )
    def post(self, request: Request, group_id: str) -> Response:
        rules.check_can_rehearse(actor_of(request))
        group = row_or_404(RoutingGroup.objects.all(), group_id)
        asked = HistorySerializer.checked(request.data)
        from_ = asked.pop("from", None)
        with bad_input_as_400():
            plan = plan_history(group, HistoryRequest(from_=from_, **asked), now=timezone.now())
        try:
            return Response(rehearse_history(plan))
        except RunBroken as broken:
            return Response({"detail": str(broken)}, status=503)
