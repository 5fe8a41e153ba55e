"""Changing a run under way from its page."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.views.decorators.http import require_POST

from access.models import Role
from engine.exceptions import BadInput
from lib.exceptions import DomainError
from pages.guards import PersonRequest, requires
from pages.live_tester.change_form import ChangeForm
from pages.live_tester.views import run_page
from tester import actions
from tester.changes import plan_change
from tester.models import Run
from tester.runs.conduct import conduct_in_background
from tester.scene.drawings import drawn_group_of


@require_POST
@requires(Role.OPERATOR, to="change a rehearsal")
def change(request: PersonRequest, run_id: UUID) -> HttpResponseBase:
    """Makes the run that is like this one up to the change, and goes on in it from that moment."""
    run = get_object_or_404(Run.objects.select_related("group"), pk=run_id)
    form = ChangeForm(request.POST, run=run, deployments=drawn_group_of(run).deployments)
    try:
        changed = _changed(request, run, form) if form.is_valid() else None
    except (BadInput, DomainError) as error:
        return run_page(request, run, not_changed=getattr(error, "message", str(error)), status=422)
    if changed is None:
        return run_page(request, run, not_changed=form.complaint, status=422)
    return redirect(f"{resolve_url('run', changed.pk)}?play=1&from={changed.config['changes'][-1]['at_ms']:.10g}")


def _changed(request: PersonRequest, run: Run, form: ChangeForm) -> Run:
    planned = plan_change(run, form.asked)
    changed = actions.change_run(by=request.user, run=run, change=planned)
    conduct_in_background(changed, planned.job)
    return changed
