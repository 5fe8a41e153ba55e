"""What people do to a run from its page."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from access.models import Role
from access.pages import PersonRequest, requires
from lib.exceptions import DomainError
from tester import actions
from tester.models import Run


@require_POST
@requires(Role.OPERATOR, to="stop a rehearsal")
def cancel(request: PersonRequest, run_id: UUID) -> HttpResponseBase:
    """Asks the run to stop."""
    run = get_object_or_404(Run, pk=run_id)
    try:
        actions.cancel_run(by=request.user, run=run)
        messages.success(request, "The rehearsal is being stopped.")
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("run", run_id)


@require_POST
@requires(Role.OPERATOR, to="delete a rehearsal")
def delete(request: PersonRequest, run_id: UUID) -> HttpResponseBase:
    """Forgets a run and goes back to its group."""
    run = get_object_or_404(Run, pk=run_id)
    try:
        actions.delete_run(by=request.user, run=run)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("run", run_id)
    messages.success(request, "The rehearsal was deleted.")
    return redirect("live-tester", run.group_id) if run.group_id else redirect("group-list")
