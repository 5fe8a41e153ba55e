"""Pages that import groups from a file and export them."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from access.models import Role
from access.rules import can_operate
from interchange import imports
from interchange.downloads import attachment, chosen_groups
from interchange.files import FileFormat
from interchange.planning.plan import ImportPlan, ImportVerdict
from interchange.planning.plan_report import report_of
from pages.groups.import_form import ImportForm
from pages.guards import PersonRequest, requires
from pages.parts import page_or_part

PAGE = "groups/import.html"


@require_safe
@requires(Role.VIEWER, to="export routing groups")
def group_export(request: PersonRequest) -> HttpResponse:
    """`?format=json|litellm&ids=…` as a file to save."""
    wanted = request.GET.get("format", FileFormat.JSON)
    if wanted not in FileFormat.values:
        return HttpResponse("format: give json or litellm.", status=400, content_type="text/plain")
    try:
        return attachment(chosen_groups(request.GET.get("ids", "")), wanted)
    except ValidationError as error:
        return HttpResponse(" ".join(error.messages), status=400, content_type="text/plain")


@sensitive_post_parameters("content")
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Role.VIEWER, to="see the import of routing groups")
def group_import(request: PersonRequest) -> HttpResponseBase:
    """A file is previewed first; the same form then applies it."""
    if request.method != "POST":
        return _page(request, ImportForm())
    form = ImportForm(request.POST, request.FILES)
    if not can_operate(request.user) or not form.is_valid() or form.bundle is None:
        return _page(request, form, status=_refusal(request))
    try:
        if "apply" not in request.POST or request.FILES:
            return _page(request, form, imports.preview_import(by=request.user, bundle=form.bundle))
        return _applied(request, imports.import_groups(by=request.user, bundle=form.bundle))
    except ValidationError as error:
        form.add_error("content", error.messages)
        return _page(request, form, status=422)


def _refusal(request: PersonRequest) -> int:
    return 422 if can_operate(request.user) else 403


def _applied(request: PersonRequest, plan: ImportPlan) -> HttpResponse:
    counts = [f"{len(plan.of(verdict))} {verdict}" for verdict in (ImportVerdict.CREATED, ImportVerdict.CHANGED)]
    messages.success(request, f"Imported: {', '.join(counts)}.")
    return HttpResponseClientRedirect("/groups") if request.htmx else redirect("group-list")


def _page(request: PersonRequest, form: ImportForm, plan: ImportPlan | None = None, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "report": report_of(plan) if plan else None,
        "writes": bool(plan and plan.writes),
        "can_import": can_operate(request.user),
    }
    return page_or_part(request, PAGE, "group-import", context, status=status)
