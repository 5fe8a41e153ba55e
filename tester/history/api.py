"""`/v1/routing_group/{id}/history`: a period of real incidents through a group; `/v1/history/{id}`: what came of it."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Role
from groups.models import RoutingGroup
from lib.serializers import page_answer, row_or_404
from tester import actions
from tester import serializers as of_runs
from tester.api import CANCELLED, WITHOUT_RESULT, bad_input_as_400
from tester.history import serializers as shapes
from tester.history.performing import PastRehearsal
from tester.history.planning import HistoryRequest, plan_history
from tester.models import HistoryRun, RunStatus


class HistoryView(APIView):
    """Rehearsals of periods of the past, with one group."""

    write_role = Role.OPERATOR

    @extend_schema(
        operation_id="list_history_of_routing_group",
        parameters=[of_runs.RunsQuery],
        responses=shapes.HistoryRunPageSerializer,
    )
    def get(self, request: Request, group_id: str) -> Response:
        group = row_or_404(RoutingGroup.objects.all(), group_id)
        page = of_runs.RunsQuery.checked(request.query_params)
        rows = HistoryRun.objects.filter(group=group).defer("result", "config")
        return page_answer("runs", rows, shapes.HistoryRunSummarySerializer, **page)

    @extend_schema(
        operation_id="rehearse_history_of_routing_group",
        parameters=[of_runs.SimulateQuery],
        request=shapes.HistorySerializer,
        responses={
            200: shapes.HistoryResultSerializer,
            202: of_runs.RunStartedSerializer,
            409: of_runs.RunFailedSerializer,
            503: of_runs.RunFailedSerializer,
        },
    )
    def post(self, request: Request, group_id: str) -> Response:
        query = of_runs.SimulateQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        asked = shapes.HistorySerializer.checked(request.data)
        from_ = asked.pop("from", None)
        group = row_or_404(RoutingGroup.objects.all(), group_id)
        with bad_input_as_400():
            plan = plan_history(group, HistoryRequest(from_=from_, **asked), now=timezone.now())
        run = actions.create_history_run(by=actor_of(request), plan=plan)
        wait, past = query.validated_data["wait"], PastRehearsal(run, plan)
        if wait:
            past.conduct(only_first=wait != of_runs.ALL_SEEDS)
            run.refresh_from_db()
        if run.is_open:
            past.conduct_in_background()
        return _answer(run, is_waiting=bool(wait))


class HistoryRunView(APIView):
    """One rehearsal of the past."""

    write_role = Role.OPERATOR

    @extend_schema(operation_id="read_history_run", responses=shapes.HistoryRunSerializer)
    def get(self, request: Request, history_id: str) -> Response:
        return Response(shapes.HistoryRunSerializer(row_or_404(HistoryRun.objects.all(), history_id)).data)

    @extend_schema(operation_id="delete_history_run", responses=of_runs.RunDeletedSerializer)
    def delete(self, request: Request, history_id: str) -> Response:
        actions.delete_run(by=actor_of(request), run=row_or_404(HistoryRun.objects.all(), history_id))
        return Response({"run_id": history_id, "deleted": True})


class HistoryCancelView(APIView):
    """Stops one within a second; the answer after the seeds that are done stays."""

    write_role = Role.OPERATOR

    @extend_schema(operation_id="cancel_history_run", request=None, responses={202: of_runs.RunStartedSerializer})
    def post(self, request: Request, history_id: str) -> Response:
        run = row_or_404(HistoryRun.objects.defer("result"), history_id)
        actions.cancel_run(by=actor_of(request), run=run)
        return Response({"run_id": str(run.pk), "status": run.current_status}, status=202)


def _answer(run: HistoryRun, *, is_waiting: bool) -> Response:
    """After the seeds that were waited for."""
    if not is_waiting:
        return Response({"run_id": str(run.pk), "status": run.current_status}, status=202)
    if run.status in WITHOUT_RESULT:
        detail = run.error or CANCELLED.replace("/v1/runs/", "/v1/history/").format(run_id=run.pk)
        return Response({"detail": detail, "run_id": str(run.pk)}, status=WITHOUT_RESULT[RunStatus(run.status)])
    return Response(shapes.history_json(run))
