"""Actions of the list of groups: switch, delete, duplicate, for one or many, and undo.

Deleting asks first where several groups go, where one served lately, or where API keys name it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from access.models import Actor, ApiKey, Role
from groups import actions, rules
from groups.models import RoutingGroup, UndoableChange
from lib.exceptions import Conflict
from pages.dialogs import refusals_told
from pages.forms import complaints
from pages.groups.forms import GroupSelectionForm
from pages.guards import PersonRequest, requires
from pages.parts import Question, ask, hidden_fields, way_back
from usage.health.activity import callers_of

editors_only = requires(Role.OPERATOR, to="edit routing groups")
LATELY = timedelta(hours=1)
MOST_NAMED = 3
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
    """Deletes one group, at once if nobody uses it; the toast offers to undo it."""
    group = get_object_or_404(RoutingGroup, pk=group_id)
    return _asked(request, [group], fields=()) or _change(request, [group], "delete")


@require_POST
@editors_only
def bulk(request: PersonRequest) -> HttpResponse:
    """Applies one action to all ticked groups; asks before it deletes several."""
    form = GroupSelectionForm(request.POST)
    if not form.is_valid():
        messages.error(request, complaints(form))
        return redirect(way_back(request))
    groups, do = list(form.cleaned_data["ids"]), form.cleaned_data["do"]
    fields = (*hidden_fields("ids", [group.pk for group in groups]), ("do", "delete"))
    asked = _asked(request, groups, fields=fields) if do == "delete" else None
    return asked or _change(request, groups, do)


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


def _asked(
    request: PersonRequest, groups: Collection[RoutingGroup], *, fields: tuple[tuple[str, str], ...]
) -> HttpResponse | None:
    """The question before groups are deleted; None if there is nothing to ask, or nothing may be deleted."""
    if "sure" in request.POST or not _may_go(groups):
        return None
    callers = callers_of([group.name for group in groups], since=timezone.now() - LATELY)
    keys = _keys_that_name(groups)
    if len(groups) == 1 and not any(callers.values()) and not keys:
        return None
    back = way_back(request)
    lost = tuple(_lost(group.name, callers[group.name]) for group in groups)
    return ask(request, _question(groups, lost, keys, back=back, fields=(*fields, ("next", back))))


def _may_go(groups: Collection[RoutingGroup]) -> bool:
    """Whether nothing needs them; else the refusal says what does."""
    try:
        rules.check_can_delete(*groups)
    except Conflict:
        return False
    return True


def _keys_that_name(groups: Collection[RoutingGroup]) -> list[str]:
    """The keys that may call only what they name, and name one of these."""
    going = {group.name for group in groups}
    named = ApiKey.objects.usable().exclude(allowed_models=[]).order_by("name").values_list("name", "allowed_models")
    return [name for name, allowed in named if going.intersection(allowed)]


def _lost(name: str, callers: Mapping[str, int]) -> str:
    """`chat: 1,204 requests in the last hour, from the keys web, mobile, ci and 2 more`; the name alone without any."""
    if not callers:
        return name
    count = sum(callers.values())
    keys = [key for key in callers if key]
    by = f", from the key{'s' * (len(keys) > 1)} {_some(keys)}" if keys else ""
    return f"{name}: {count:,} request{'s' * (count > 1)} in the last hour{by}"


def _some(names: Sequence[str]) -> str:
    """The first names, and how many more."""
    more = len(names) - MOST_NAMED
    return f"{', '.join(names[:MOST_NAMED])} and {more} more" if more > 0 else ", ".join(names)


def _question(
    groups: Collection[RoutingGroup],
    lost: tuple[str, ...],
    keys: Sequence[str],
    *,
    back: str,
    fields: tuple[tuple[str, str], ...],
) -> Question:
    is_one = len(groups) == 1
    name = next(group.name for group in groups)
    named = f" API keys that name {'it' if is_one else 'them'} among what they may call: {_some(keys)}." if keys else ""
    return Question(
        title=f"Delete {name}?" if is_one else f"Delete {len(groups)} routing groups?",
        lost=lost,
        consequence=f"Requests to {'this name' if is_one else 'these names'} fail from then on.{named} "
        "You can undo it for 10 seconds.",
        button=f"Delete {name}" if is_one else f"Delete {len(groups)} groups",
        back=back,
        fields=fields,
    )


def _sentence(names: Sequence[str], state: str) -> str:
    return f"{len(names)} groups are {state}." if len(names) > 1 else f"{names[0]} is {state}."
