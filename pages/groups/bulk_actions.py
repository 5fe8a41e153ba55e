"""Actions of the list of groups: switch, delete, duplicate, for one or many, and undo."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from access.models import Actor, Role
from groups import actions
from groups.models import RoutingGroup, UndoableChange
from pages.dialogs import refusals_told
from pages.forms import complaints
from pages.groups.forms import GroupSelectionForm
from pages.guards import PersonRequest, requires
from pages.parts import Question, ask, hidden_fields, way_back

editors_only = requires(Role.OPERATOR, to="edit routing groups")
DONE = {"activate": "active", "deactivate": "inactive", "delete": "deleted"}
UNDONE = {UndoableChange.Kind.DELETED.value: "back", UndoableChange.Kind.SWITCHED.value: "as before"}


@require_POST
@editors_only
def switch(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """Turns one group on or off, by the pressed button."""
    group = get_object_or_404(RoutingGroup, pk=group_id)
    return _change(request, [group], "activate" if request.POST.get("is_active") == "1" else "deactivate")


@require_POST
@editors_only
def delete(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """Deletes one group at once; the toast offers to undo it."""
    return _change(request, [get_object_or_404(RoutingGroup, pk=group_id)], "delete")


@require_POST
@editors_only
def bulk(request: PersonRequest) -> HttpResponse:
    """Applies one action to all ticked groups; asks before it deletes several."""
    form = GroupSelectionForm(request.POST)
    if not form.is_valid():
        messages.error(request, complaints(form))
        return redirect(way_back(request))
    groups, do = list(form.cleaned_data["ids"]), form.cleaned_data["do"]
    if do == "delete" and len(groups) > 1 and "sure" not in request.POST:
        return ask(request, _question(groups, back=way_back(request)))
    return _change(request, groups, do)


@require_POST
@editors_only
def duplicate(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """A copy of one group under a free name."""
    group = get_object_or_404(RoutingGroup, pk=group_id)
    try:
        copy = actions.duplicate_group(by=request.user, group=group)
        messages.success(request, f"{group.name} is copied to {copy.name}.")
    except ValidationError as error:
        messages.error(request, f"{group.name} can't be copied: {' '.join(error.messages)}")
    return redirect(way_back(request))


@require_POST
@editors_only
def undo(request: PersonRequest, token: UUID) -> HttpResponse:
    """Undoes the change that the toast showed."""
    with refusals_told(request):
        change = actions.take_back(by=request.user, token=token)
        messages.success(request, _sentence(change.names, UNDONE[change.kind]))
    return redirect(way_back(request))


def _change(request: PersonRequest, groups: Collection[RoutingGroup], do: str) -> HttpResponse:
    """Runs the action and goes back to the list, with a toast that has the token for undo."""
    with refusals_told(request):
        change = _act(request.user, groups, do)
        token = str(change.pk) if change else ""
        messages.success(request, _sentence([group.name for group in groups], DONE[do]), extra_tags=token)
    return redirect(way_back(request))


def _act(by: Actor, groups: Collection[RoutingGroup], do: str) -> UndoableChange | None:
    if do == "delete":
        return actions.delete_groups(by=by, groups=groups)
    return actions.switch_groups(by=by, groups=groups, is_active=do == "activate")


def _question(groups: Collection[RoutingGroup], *, back: str) -> Question:
    return Question(
        title=f"Delete {len(groups)} routing groups?",
        lost=tuple(group.name for group in groups),
        consequence="Requests to these names fail from then on. You can undo it for 10 seconds.",
        button=f"Delete {len(groups)} groups",
        back=back,
        fields=(*hidden_fields("ids", [group.pk for group in groups]), ("do", "delete"), ("next", back)),
    )


def _sentence(names: Sequence[str], state: str) -> str:
    return f"{len(names)} groups are {state}." if len(names) > 1 else f"{names[0]} is {state}."
