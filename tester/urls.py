"""Addresses of this room."""

from django.urls import path

from tester import api
from tester.views import live, runs

urlpatterns = [
    path("groups/<uuid:group_id>/live", live.live_tester, name="live-tester"),
    path("runs/<uuid:run_id>", live.show_run, name="run"),
    path("runs/<uuid:run_id>/cancel", runs.cancel, name="run-cancel"),
    path("runs/<uuid:run_id>/delete", runs.delete, name="run-delete"),
    path("v1/routing_group/<str:group_id>/simulate", api.SimulateView.as_view(), name="api-simulate"),
    path("v1/routing_group/<str:group_id>/runs", api.GroupRunsView.as_view(), name="api-group-runs"),
    path("v1/runs/<str:run_id>", api.RunView.as_view(), name="api-run"),
    path("v1/runs/<str:run_id>/cancel", api.RunCancelView.as_view(), name="api-run-cancel"),
    path("v1/runs/<str:run_id>/traces", api.RunTracesView.as_view(), name="api-run-traces"),
    path("v1/runs/<str:run_id>/frames", api.RunFramesView.as_view(), name="api-run-frames"),
]
