"""Addresses of this room."""

from django.urls import path

from tester import api
from tester.views import changes, drafts, exports, live, runs, traces

urlpatterns = [
    path("groups/<uuid:group_id>/live", live.live_tester, name="live-tester"),
    path("groups/<uuid:group_id>/runs", runs.run_list, name="run-list"),
    path("groups/draft/preview", drafts.preview, name="draft-preview"),
    path("groups/draft/rehearsal", drafts.rehearsal, name="draft-rehearsal"),
    path("runs/<uuid:run_id>", live.show_run, name="run"),
    path("runs/<uuid:run_id>/cancel", runs.cancel, name="run-cancel"),
    path("runs/<uuid:run_id>/change", changes.change, name="run-change"),
    path("runs/<uuid:run_id>/delete", runs.delete, name="run-delete"),
    path("runs/<uuid:run_id>/timeline", traces.timeline, name="run-timeline"),
    path("runs/<uuid:run_id>/traces", traces.trace_list, name="run-traces"),
    path("runs/<uuid:run_id>/traces/<int:index>", traces.trace_detail, name="run-trace"),
    path("runs/<uuid:run_id>/export.json", exports.as_json, name="run-export"),
    path("runs/<uuid:run_id>/picture.svg", exports.as_picture, name="run-picture"),
    path("v1/scenarios", api.ScenariosView.as_view(), name="api-scenarios"),
    path("v1/routing_group/<str:group_id>/simulate", api.SimulateView.as_view(), name="api-simulate"),
    path("v1/routing_group/<str:group_id>/runs", api.GroupRunsView.as_view(), name="api-group-runs"),
    path("v1/runs/<str:run_id>", api.RunView.as_view(), name="api-run"),
    path("v1/runs/<str:run_id>/cancel", api.RunCancelView.as_view(), name="api-run-cancel"),
    path("v1/runs/<str:run_id>/change", api.RunChangeView.as_view(), name="api-run-change"),
    path("v1/runs/<str:run_id>/traces", api.RunTracesView.as_view(), name="api-run-traces"),
    path("v1/runs/<str:run_id>/traces/<int:index>", api.RunTraceView.as_view(), name="api-run-trace"),
    path("v1/runs/<str:run_id>/frames", api.RunFramesView.as_view(), name="api-run-frames"),
]
