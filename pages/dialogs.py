"""The answers of forms in dialogs, and messages about refused actions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django_htmx.http import HttpResponseClientRedirect

from lib.exceptions import DomainError, NotAllowed
from pages.guards import PersonRequest
from pages.parts import wants_part, way_back


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


def done(request: HttpRequest, outcome: str, *, is_good: bool = True) -> HttpResponse:
    """Redirects to the page of the form, with a message; from a dialog the whole page is reloaded."""
    (messages.success if is_good else messages.error)(request, outcome)
    if wants_part(request):
        return HttpResponseClientRedirect(way_back(request))
    return redirect(way_back(request))


@contextmanager
def refusals_told(request: HttpRequest) -> Iterator[None]:
    """Shows a refusal as a message on the next page; a missing right is raised and answered with 403."""
    try:
        yield
    except NotAllowed:
        raise
    except DomainError as error:
        messages.error(request, str(error))
