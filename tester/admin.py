"""The Django admin of rehearsals; read only."""

from __future__ import annotations

from django.contrib import admin

from lib.admin import ReadOnlyAdmin
from tester.models import HistoryRun, Run


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Runs with their authors and results."""

    list_display = ["group_name", "scenario", "seed", "current_status", "is_real", "created_at", "created_by"]
    search_fields = ["group_name", "scenario", "created_by"]


@admin.register(HistoryRun)
class HistoryRunAdmin(ReadOnlyAdmin):
    """Rehearsals of the past with their authors and results."""

    list_display = ["group_name", "current_status", "seeds_done", "seeds", "created_at", "created_by"]
    search_fields = ["group_name", "created_by"]
