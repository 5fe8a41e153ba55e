"""The pages of the builder. Every change of the list between two saves is a POST of the whole form, too."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import trigger_client_event

from access.models import Role
from groups import actions
from groups.exceptions import RowChanged
from groups.models import RoutingGroup, Strategy
from pages.groups.builder import picker
from pages.groups.builder.deployment_rows import MOST_ROWS, changed, parts_of
from pages.groups.builder.drafts import DeploymentLine, Draft, conflict_of, in_percent, rows_in
from pages.groups.builder.forms import GroupForm
from pages.guards import PersonRequest, requires


def outcome_of(change: str, draft: Draft, lines: list[DeploymentLine]) -> str:
    """`Nebius llama is number 1 of 3 now, with priority 1.`; empty for a step without an effect."""
    verb, uid, _ = parts_of(change)
    if verb == "refresh":
        return ""
    if verb == IN_PERCENT:
        return "The weights add up to 100 now: each is a percentage."
    if verb == "remove":
        return f"Taken out. {len(lines)} left."
    at = next((n for n, line in enumerate(lines) if line.row.uid == uid), None)
    if at is None:
        return f"A group has at most {MOST_ROWS} deployments." if verb == "add" else ""
    place = f"{lines[at].name} is number {at + 1} of {len(lines)} now"
    is_ordered = draft.form.strategy_now == Strategy.PRIORITY_FAILOVER
    return f"{place}, with priority {lines[at].row.priority}." if is_ordered else f"{place}."


PAGE = "groups/routinggroup_form.html"
NAMES_OFFERED = 200
# A step in the list that needs to know which deployments take traffic.
IN_PERCENT = "percent"


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Role.OPERATOR, to="create routing groups")
def group_new(request: PersonRequest) -> HttpResponseBase:
    """An empty form; POST creates the group."""
    if request.method == "POST":
        return _posted(request, None)
    return _page(request, Draft(GroupForm(), ()), group=None)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Role.OPERATOR, to="edit routing groups")
def group_edit(request: PersonRequest, group_id: UUID) -> HttpResponseBase:
    """A stored group as a form; POST saves it, unless it was changed in the meantime."""
    group = RoutingGroup.objects.with_deployments().filter(pk=group_id).first()
    if request.method == "POST":
        return _posted(request, group, is_gone=group is None)
    if group is None:
        raise Http404
    return _page(request, Draft.of(group), group=group, etag=group.etag)


@require_safe
@requires(Role.OPERATOR, to="edit routing groups")
def model_picker(request: PersonRequest) -> HttpResponse:
    """The options of the model search."""
    found = picker.search(request.GET.get("q", ""), chosen=request.GET.getlist("row"))
    return render(request, f"{PAGE}#picker-options", {"found": found})


def _posted(request: PersonRequest, group: RoutingGroup | None, *, is_gone: bool = False) -> HttpResponseBase:
    data = request.POST
    if change := data.get("change"):
        return _changed(request, group, change)
    # Enter in the search box presses the first button, which must do nothing.
    if "find" in data or (data.get("q") and not {"save", "overwrite"} & data.keys()):
        return _found(request, group)
    return _gone(request) if is_gone else _saved(request, group)


def _changed(request: PersonRequest, group: RoutingGroup | None, change: str) -> HttpResponse:
    """One step in the list of deployments, without saving."""
    try:
        draft = _after(request.POST, change)
    except KeyError:
        raise SuspiciousOperation("The list of deployments has no such step.")
    lines = draft.lines()
    said = outcome_of(change, draft, lines)
    if not request.htmx:
        return _page(request, draft, group=group, etag=request.POST.get("etag", ""), lines=lines, said=said)
    context = {"draft": draft, "lines": lines, "weight_total": _total(lines), "said": said, "is_part": True}
    part = render(request, f"{PAGE}#builder-rows", context)
    return trigger_client_event(part, "drafted", after="swap")


def _after(data: QueryDict, change: str) -> Draft:
    """The draft after one step. Raises KeyError for a step that doesn't exist."""
    rows = rows_in(data)
    if change == IN_PERCENT:
        return Draft.typed(data, in_percent(Draft.typed(data, rows).lines()))
    return Draft.typed(data, changed(rows, change))


def _total(lines: list[DeploymentLine]) -> int:
    """The weights of those that take traffic."""
    return sum(line.weight for line in lines)


def _found(request: PersonRequest, group: RoutingGroup | None) -> HttpResponse:
    """The search results, for browsers without JavaScript."""
    rows = rows_in(request.POST)
    found = picker.search(request.POST.get("q", ""), chosen=[row.uid for row in rows])
    draft = Draft.typed(request.POST, rows)
    return _page(request, draft, group=group, etag=request.POST.get("etag", ""), found=found)


def _gone(request: PersonRequest) -> HttpResponse:
    """The group was deleted during the edit: the input may become a new group."""
    draft = Draft.typed(request.POST, rows_in(request.POST))
    return _page(request, draft, group=None, is_gone=True, status=422)


def _saved(request: PersonRequest, group: RoutingGroup | None) -> HttpResponseBase:
    draft, etag = Draft.sent(request.POST), request.POST.get("etag", "")
    conflict = None
    if draft.is_valid():
        try:
            saved = _stored(request, group, draft, etag)
            messages.success(request, f"{saved.name} is saved.")
            return redirect("group-detail", saved.pk)
        except RowChanged:
            conflict = conflict_of(draft, group) if group else None
        except RoutingGroup.DoesNotExist:
            return _gone(request)
        except ValidationError as error:
            draft.blame(error)
    return _page(request, draft, group=group, etag=etag, conflict=conflict, status=422)


def _stored(request: PersonRequest, group: RoutingGroup | None, draft: Draft, etag: str) -> RoutingGroup:
    placements, fields = draft.placements(), draft.form.group_fields()
    if group is None:
        return actions.create_group(by=request.user, deployments=placements, **fields)
    known = request.POST.get("overwrite", etag)
    return actions.update_group(by=request.user, group=group, deployments=placements, if_match=[known], **fields)


def _page(
    request: PersonRequest, draft: Draft, *, group: RoutingGroup | None, status: int = 200, **more: Any
) -> HttpResponse:
    others = RoutingGroup.objects.exclude(pk=group.pk) if group else RoutingGroup.objects.all()
    lines = more.pop("lines", None) or draft.lines()
    context = {
        "draft": draft,
        "form": draft.form,
        "group": group,
        "action": resolve_url("group-edit", group.pk) if group else resolve_url("group-new"),
        "group_names": others.values_list("name", flat=True)[:NAMES_OFFERED],
        "is_touched": request.method == "POST",
        "lines": lines,
        "weight_total": _total(lines),
        **more,
    }
    return render(request, PAGE, context, status=status)
