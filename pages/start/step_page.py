"""What the steps share: their frame, the part that says why one does not go on, and the way to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django_htmx.http import HttpResponseClientRedirect

from pages.guards import PersonRequest
from pages.parts import wants_part
from pages.start.wizard_steps import wizard_steps

WHY_NOT = "start/_why_not.html"


def step_page(
    request: PersonRequest,
    template: str,
    number: int,
    done: Sequence[str],
    context: dict[str, Any],
    *,
    is_refused: bool = False,
) -> HttpResponse:
    """Step `number` as a page; `done` are the addresses of the steps before it.

    A refused POST of an open page is answered with the reasons alone, so that everything that is typed stays there.
    """
    context = {**context, "is_refused": is_refused}
    if is_refused and wants_part(request):
        return render(request, WHY_NOT, context, status=422)
    frame = {"steps": wizard_steps(number, done), "number": number, "back": done[-1] if done else ""}
    return render(request, template, {**context, **frame}, status=422 if is_refused else 200)


def go_on(request: PersonRequest, url: str) -> HttpResponse:
    """To the next step."""
    return HttpResponseClientRedirect(url) if wants_part(request) else redirect(url)
