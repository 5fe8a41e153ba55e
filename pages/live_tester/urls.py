"""The URLs of these pages."""

from django.urls import path

from pages.live_tester import builder_preview, compare, exports, run_change, run_numbers, runs, traces, views
from pages.live_tester.time_machine import views as time_machine

urlpatterns = [
    path("groups/<uuid:group_id>/live", views.live_tester, name="live-tester"),
    path("groups/<uuid:group_id>/compare", compare.compare_page, name="compare"),
    path("groups/<uuid:group_id>/time-machine", time_machine.time_machine, name="time-machine"),
    path("groups/<uuid:group_id>/runs", runs.run_list, name="run-list"),
    path("groups/<uuid:group_id>/runs/compare", runs.compare_runs, name="run-list-compare"),
    path("groups/draft/preview", builder_preview.preview, name="draft-preview"),
    path("groups/draft/rehearsal", builder_preview.rehearsal, name="draft-rehearsal"),
    path("time-machine/<uuid:history_id>", time_machine.show, name="time-machine-run"),
    path("time-machine/<uuid:history_id>/cancel", time_machine.cancel, name="time-machine-cancel"),
    path("time-machine/<uuid:history_id>/delete", time_machine.delete, name="time-machine-delete"),
    path("runs/<uuid:run_id>", views.show_run, name="run"),
    path("runs/<uuid:run_id>/cancel", runs.cancel, name="run-cancel"),
    path("runs/<uuid:run_id>/change", run_change.change, name="run-change"),
    path("runs/<uuid:run_id>/delete", runs.delete, name="run-delete"),
    path("runs/<uuid:run_id>/numbers", run_numbers.numbers, name="run-numbers"),
    path("runs/<uuid:run_id>/numbers.csv", run_numbers.as_csv, name="run-numbers-csv"),
    path("runs/<uuid:run_id>/timeline", traces.timeline, name="run-timeline"),
    path("runs/<uuid:run_id>/traces", traces.trace_list, name="run-traces"),
    path("runs/<uuid:run_id>/traces/<int:index>", traces.trace_detail, name="run-trace"),
    path("runs/<uuid:run_id>/export.json", exports.as_json, name="run-export"),
    path("runs/<uuid:run_id>/picture.svg", exports.as_picture, name="run-picture"),
]
