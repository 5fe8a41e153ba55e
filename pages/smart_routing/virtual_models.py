"""The pages of the virtual models: the list, the form, and the actions of the list."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.models import Role
from access.rules import can_operate
from groups.exceptions import RowChanged
from groups.models import RoutingGroup, VirtualModel
from groups.virtual import actions
from groups.virtual.templates import TEMPLATES, install_templates
from pages.dialogs import refusals_told
from pages.guards import PersonRequest, requires
from pages.parts import Question, ask, way_back
from pages.smart_routing.virtual_forms import VirtualModelForm
from pages.smart_routing.virtual_rows import row_of

LIST, FORM = "smart_routing/virtualmodel_list.html", "smart_routing/virtualmodel_form.html"
editors_only = requires(Role.OPERATOR, to="edit virtual models")


@require_safe
@requires(Role.VIEWER, to="see virtual models")
def virtual_list(request: PersonRequest) -> HttpResponse:
    """All virtual models with their tiers."""
    rows = [row_of(row) for row in VirtualModel.objects.with_tiers()]
    present = {row.row.name for row in rows}
    context = {
        "rows": rows,
        "can_edit": can_operate(request.user),
        "missing": [name for template in TEMPLATES for name in template.names if name not in present],
        "has_groups": bool(rows) or RoutingGroup.objects.exists(),
    }
    return render(request, LIST, context)


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def virtual_new(request: PersonRequest) -> HttpResponseBase:
    """An empty form; POST creates the virtual model."""
    return _saved(request, None) if request.method == "POST" else _page(request, VirtualModelForm(), None)


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def virtual_edit(request: PersonRequest, virtual_model_id: UUID) -> HttpResponseBase:
    """A stored virtual model as a form; POST saves it, unless it was changed in the meantime."""
    row = get_object_or_404(VirtualModel.objects.with_tiers(), pk=virtual_model_id)
    return _saved(request, row) if request.method == "POST" else _page(request, VirtualModelForm(row=row), row)


@require_POST
@editors_only
def virtual_switch(request: PersonRequest, virtual_model_id: UUID) -> HttpResponse:
    """Turns a virtual model on or off, by the pressed button."""
    row = get_object_or_404(VirtualModel, pk=virtual_model_id)
    is_active = request.POST.get("is_active") == "1"
    actions.update_virtual_model(by=request.user, virtual_model=row, is_active=is_active)
    messages.success(request, f"{row.name} is {'active' if is_active else 'inactive'}.")
    return redirect("virtual-list")


@require_POST
@editors_only
def virtual_delete(request: PersonRequest, virtual_model_id: UUID) -> HttpResponse:
    """Asks, then deletes a virtual model."""
    row = get_object_or_404(VirtualModel, pk=virtual_model_id)
    if "sure" not in request.POST:
        return ask(request, _question(row))
    with refusals_told(request):
        actions.delete_virtual_model(by=request.user, virtual_model=row)
        messages.success(request, f"{row.name} is deleted.")
    return redirect("virtual-list")


@require_POST
@editors_only
def virtual_templates(request: PersonRequest) -> HttpResponse:
    """Adds the virtual models of the templates and their pools."""
    try:
        added = install_templates(by=request.user)
        count = len(added.virtual_models)
        messages.success(request, f"{count} virtual models and {len(added.pools)} pools are added.")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(way_back(request, "virtual-list"))


def _saved(request: PersonRequest, row: VirtualModel | None) -> HttpResponseBase:
    form = VirtualModelForm(request.POST, row=row)
    changed = None
    try:
        if saved := form.accepted(lambda: _stored(request, row, form)):
            messages.success(request, f"{saved.name} is saved.")
            return redirect("playground", saved.pk)
    except RowChanged:
        changed = VirtualModel.objects.get(pk=row.pk) if row else None
    return _page(request, form, row, etag=request.POST.get("etag", ""), changed=changed, status=422)


def _stored(request: PersonRequest, row: VirtualModel | None, form: VirtualModelForm) -> VirtualModel:
    plans, fields = form.plans(), form.model_fields()
    if row is None:
        return actions.create_virtual_model(by=request.user, tiers=plans, **fields)
    known = request.POST.get("overwrite") or request.POST.get("etag", "")
    return actions.update_virtual_model(by=request.user, virtual_model=row, tiers=plans, if_match=[known], **fields)


def _page(
    request: PersonRequest, form: VirtualModelForm, row: VirtualModel | None, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = {
        "form": form,
        "row": row,
        "etag": row.etag if row else "",
        "action": resolve_url("virtual-edit", row.pk) if row else resolve_url("virtual-new"),
        **more,
    }
    return render(request, FORM, context, status=status)


def _question(row: VirtualModel) -> Question:
    return Question(
        title=f"Delete {row.name}?",
        lost=(row.name,),
        consequence="Requests to this name fail from then on. Its pools stay.",
        button="Delete",
        back=resolve_url("virtual-list"),
    )
