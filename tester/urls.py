"""The URLs of this room."""

from django.urls import path

from tester import api
from tester.calling.api import SimulateCalledView
from tester.comparing.api import CompareView
from tester.history.api import HistoryCancelView, HistoryRunView, HistoryView

urlpatterns = [
    path("v1/simulate", SimulateCalledView.as_view(), name="api-simulate-called"),
    path("v1/scenarios", api.ScenariosView.as_view(), name="api-scenarios"),
    path("v1/routing_group/<str:group_id>/simulate", api.SimulateView.as_view(), name="api-simulate"),
    path("v1/routing_group/<str:group_id>/compare", CompareView.as_view(), name="api-compare"),
    path("v1/routing_group/<str:group_id>/history", HistoryView.as_view(), name="api-history"),
    path("v1/routing_group/<str:group_id>/runs", api.GroupRunsView.as_view(), name="api-group-runs"),
    path("v1/history/<str:history_id>", HistoryRunView.as_view(), name="api-history-run"),
    path("v1/history/<str:history_id>/cancel", HistoryCancelView.as_view(), name="api-history-cancel"),
    path("v1/runs/<str:run_id>", api.RunView.as_view(), name="api-run"),
    path("v1/runs/<str:run_id>/cancel", api.RunCancelView.as_view(), name="api-run-cancel"),
    path("v1/runs/<str:run_id>/change", api.RunChangeView.as_view(), name="api-run-change"),
    path("v1/runs/<str:run_id>/traces", api.RunTracesView.as_view(), name="api-run-traces"),
    path("v1/runs/<str:run_id>/traces/<str:index>", api.RunTraceView.as_view(), name="api-run-trace"),
    path("v1/runs/<str:run_id>/frames", api.RunFramesView.as_view(), name="api-run-frames"),
]
