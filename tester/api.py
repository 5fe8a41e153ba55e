"""The REST API of rehearsals: viewers read, operators start, cancel and delete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Actor, Role
from engine.exceptions import BadInput
from engine.faults.scenarios import SCENARIOS
from groups.models import RoutingGroup
from lib.serializers import page_answer, page_of, row_or_404
from tester import actions
from tester import serializers as shapes
from tester.calling.called_as import calling_of_group
from tester.calling.keys import holder_for
from tester.change_planning import AskedChange, plan_change
from tester.models import Frame, Run, RunStatus
from tester.run_planning import RunPlan, RunRequest, plan
from tester.runs.conduct import RunOutcome, conduct, conduct_in_background, measure_in_background, measure_seeds
from tester.runs.result_csv import numbers_csv
from tester.traces import stored
from tester.traces.trace_shapes import TracePageSerializer, TracesQuery

WITHOUT_RESULT = {RunStatus.FAILED: 503, RunStatus.CANCELLED: 409}
CANCELLED = "This run was cancelled before its end; GET /v1/runs/{run_id} has what it found until then."


class JSONLinesRenderer(BaseRenderer):
    """`format=jsonl`. The traces are streamed without it; it only renders errors."""

    media_type = "application/x-ndjson"
    format = "jsonl"

    def render(self, data: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None) -> bytes:
        return bytes(JSONRenderer().render(data)) + b"\n"


class CSVRenderer(JSONLinesRenderer):
    """`format=csv`. The numbers are written without it; it only renders errors."""

    media_type = "text/csv"
    format = "csv"


class ScenariosView(APIView):
    """The named scenarios."""

    @extend_schema(operation_id="list_scenarios", responses=shapes.ScenariosSerializer)
    def get(self, request: Request) -> Response:
        return Response({"scenarios": [scenario.to_json() for scenario in SCENARIOS.values()]})


class SimulateView(APIView):
    """A rehearsal of one routing group."""

    write_role = Role.OPERATOR

    @extend_schema(
        operation_id="simulate_routing_group",
        parameters=[shapes.SimulateQuery],
        request=shapes.SimulateSerializer,
        responses={
            200: shapes.SimulationResultSerializer,
            202: shapes.RunStartedSerializer,
            409: shapes.RunFailedSerializer,
            503: shapes.RunFailedSerializer,
        },
    )
    def post(self, request: Request, group_id: str) -> Response:
        query = shapes.SimulateQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        asked = shapes.SimulateSerializer.checked(request.data)
        planned = _planned(row_or_404(RoutingGroup.objects.all(), group_id), asked, by=actor_of(request))
        return started(request, planned, query.validated_data["wait"])


class GroupRunsView(APIView):
    """The rehearsals of one routing group."""

    @extend_schema(
        operation_id="list_runs_of_routing_group", parameters=[shapes.RunsQuery], responses=shapes.RunPageSerializer
    )
    def get(self, request: Request, group_id: str) -> Response:
        group = row_or_404(RoutingGroup.objects.all(), group_id)
        page = shapes.RunsQuery.checked(request.query_params)
        return page_answer("runs", Run.objects.filter(group=group).without_bulk(), shapes.RunSummarySerializer, **page)


class RunView(APIView):
    """One rehearsal; with `format=csv` its numbers, one a line, with their ranges."""

    write_role = Role.OPERATOR
    renderer_classes = (JSONRenderer, CSVRenderer)

    @extend_schema(
        operation_id="read_run",
        parameters=[OpenApiParameter("format", str, enum=["json", "csv"])],
        responses={(200, "application/json"): shapes.RunSerializer, (200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, run_id: str) -> HttpResponseBase:
        run = row_or_404(Run.objects.all(), run_id)
        if request.accepted_renderer.format == "csv":
            return HttpResponse(numbers_csv(run), content_type="text/csv; charset=utf-8")
        return Response(shapes.RunSerializer(run).data)

    @extend_schema(operation_id="delete_run", responses=shapes.RunDeletedSerializer)
    def delete(self, request: Request, run_id: str) -> Response:
        run = _run(run_id)
        actions.delete_run(by=actor_of(request), run=run)
        return Response({"run_id": run_id, "deleted": True})


class RunCancelView(APIView):
    """Stops a rehearsal within a second."""

    write_role = Role.OPERATOR

    @extend_schema(operation_id="cancel_run", request=None, responses={202: shapes.RunStartedSerializer})
    def post(self, request: Request, run_id: str) -> Response:
        run = _run(run_id)
        actions.cancel_run(by=actor_of(request), run=run)
        return Response({"run_id": str(run.pk), "status": run.current_status}, status=202)


class RunChangeView(APIView):
    """Changes the faults of a mock run from a moment on: in a new run with the same past and seed."""

    write_role = Role.OPERATOR

    @extend_schema(
        operation_id="change_run", request=shapes.ChangeSerializer, responses={202: shapes.RunStartedSerializer}
    )
    def post(self, request: Request, run_id: str) -> Response:
        asked = shapes.ChangeSerializer.checked(request.data)
        run = row_or_404(Run.objects.select_related("group").defer("result"), run_id)
        with bad_input_as_400():
            change = plan_change(run, AskedChange(**asked))
        changed = actions.change_run(by=actor_of(request), run=run, change=change)
        conduct_in_background(changed, change.job)
        return Response({"run_id": str(changed.pk), "status": changed.current_status}, status=202)


class RunTracesView(APIView):
    """Every request of a rehearsal with its attempts: in pages, or all of them with `format=jsonl`."""

    renderer_classes = (JSONRenderer, JSONLinesRenderer)

    @extend_schema(
        operation_id="list_traces_of_run",
        parameters=[TracesQuery, OpenApiParameter("format", str, enum=["json", "jsonl"])],
        responses={
            (200, "application/json"): TracePageSerializer,
            (200, "application/x-ndjson"): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request, run_id: str) -> HttpResponseBase:
        run = _run(run_id)
        query = TracesQuery.checked(request.query_params)
        if request.accepted_renderer.format == "jsonl":
            return StreamingHttpResponse(stored.json_lines(run), content_type="application/x-ndjson")
        about = {name: query.pop(name) for name in ("page", "size")}
        after, wanted = query.pop("after"), stored.TraceFilter(**query)
        is_numbered = after is None and wanted.is_everything
        place = (about["page"] - 1) * about["size"] - 1 if after is None else after
        found = stored.find(run, wanted, after=place, size=about["size"])
        total = stored.count_of(run) if is_numbered else None
        return Response({"traces": found.traces, "total": total, **about, "next_after": found.next_after})


class RunTraceView(APIView):
    """One request of a rehearsal with its attempts."""

    @extend_schema(operation_id="read_trace_of_run", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, run_id: str, index: str) -> Response:
        run, is_number = _run(run_id), index.isascii() and index.isdecimal() and len(index) < 10
        trace = stored.trace_of(run, int(index)) if is_number else None
        if trace is None:
            raise Http404(f"No request {index[:20]} of this run has ended.")
        return Response(trace)


class RunFramesView(APIView):
    """The state of a rehearsal over time."""

    @extend_schema(
        operation_id="list_frames_of_run", parameters=[shapes.FramesQuery], responses=shapes.FramePageSerializer
    )
    def get(self, request: Request, run_id: str) -> Response:
        query = shapes.FramesQuery.checked(request.query_params)
        rows, about = page_of(Frame.objects.filter(run=_run(run_id), n__gt=query.pop("after")), **query)
        return Response({"frames": [{"n": row.n, **row.data} for row in rows], **about})


def _planned(group: RoutingGroup, asked: dict[str, Any], *, by: Actor) -> RunPlan:
    key = asked.pop("key", None)
    with bad_input_as_400():
        calling = None if key is None else calling_of_group(group, holder_for(by, str(key)))
        return plan(group, RunRequest(**asked), calling=calling)


def started(request: Request, planned: RunPlan, wait: Any) -> Response:
    """Starts a run, and answers as its caller waits."""
    run = actions.create_run(by=actor_of(request), plan=planned)
    if wait:
        return _conducted(run, planned, waits_for_seeds=wait == shapes.ALL_SEEDS)
    conduct_in_background(run, planned.job)
    return Response({"run_id": str(run.pk), "status": run.current_status}, status=202)


@contextmanager
def bad_input_as_400() -> Iterator[None]:
    """The engine's BadInput as an error of DRF."""
    try:
        yield
    except BadInput as error:
        raise serializers.ValidationError({error.field: [error.message]}) from error


def _run(run_id: str) -> Run:
    """The run without two large fields that only its own page shows."""
    return row_or_404(Run.objects.without_bulk(), run_id)


def _conducted(run: Run, planned: RunPlan, *, waits_for_seeds: bool) -> Response:
    """The answer to a caller who waits; the other seeds follow, before it or in the background."""
    outcome = conduct(run, planned.job)
    run.refresh_from_db(fields=["measured", "status", "result"])
    answer = _answer(run, outcome)
    if outcome.status is not RunStatus.DONE or run.seeds == 1:
        return answer
    if not waits_for_seeds:
        measure_in_background(run, planned.job)
        return answer
    measure_seeds(run, planned.job)
    run.refresh_from_db(fields=["measured"])
    return _answer(run, outcome)


def _answer(run: Run, outcome: RunOutcome) -> Response:
    if outcome.status is RunStatus.DONE:
        return Response(shapes.result_json(run))
    detail = outcome.error or CANCELLED.format(run_id=run.pk)
    return Response({"detail": detail, "run_id": str(run.pk)}, status=WITHOUT_RESULT[outcome.status])
