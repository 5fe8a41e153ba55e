"""The rights of the person on a page, and the answers of dialogs and parts of pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django_htmx.http import HttpResponseClientRedirect

from access.models import Role
from access.rules import has_role
from pages.guards import PersonRequest, requires
from pages.parts import wants_part, way_back

readers_only = requires(Role.VIEWER, to="see providers and models")
testers_only = requires(Role.OPERATOR, to="test providers")
editors_only = requires(Role.ADMIN, to="manage providers and models")


def rights(request: PersonRequest) -> dict[str, bool]:
    """The rights of this person, for templates."""
    return {"can_edit": has_role(request.user, Role.ADMIN), "can_test": has_role(request.user, Role.OPERATOR)}


def came_from(request: PersonRequest, default: str) -> str:
    """The page on which a dialog was opened; the form leads back to it."""
    return request.POST.get("next") or request.htmx.current_url_abs_path or default


def dialog(
    request: HttpRequest, template: str, stem: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """One form in three renderings: a dialog over the page, the form in it again, or a page of its own.

    The template has the partials `STEM-dialog` and `STEM-form`.
    """
    if not wants_part(request):
        return render(request, template, context, status=status)
    part = "form" if request.method == "POST" else "dialog"
    return render(request, f"{template}#{stem}-{part}", context, status=status)


def done(request: HttpRequest) -> HttpResponse:
    """Redirects to the page of the form; from a dialog the whole page is reloaded."""
    if wants_part(request):
        return HttpResponseClientRedirect(way_back(request))
    return redirect(way_back(request))
