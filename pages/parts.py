"""Shared by pages of several rooms: partial or whole answers, the way back, confirmation questions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import reswap, retarget
from django_htmx.middleware import HtmxDetails


@dataclass(frozen=True, slots=True)
class Question:
    """A confirmation before something is deleted for good. `lost` names it, `fields` are sent again with the answer."""

    title: str
    lost: tuple[str, ...]
    consequence: str
    button: str
    back: str
    fields: tuple[tuple[str, str], ...] = ()


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx will swap the answer into an open page."""
    htmx = HtmxDetails(request)
    return bool(htmx) and not htmx.history_restore_request


def way_back(request: HttpRequest) -> str:
    """The page in the form's `next`, if that is one of our own."""
    target = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if is_ours else resolve_url(settings.LOGIN_REDIRECT_URL)


def ask(request: HttpRequest, question: Question) -> HttpResponse:
    """The question as a dialog over the page, or as a page without htmx. Yes is a POST with `sure=1`."""
    context = {"question": question, "action": request.path}
    if not wants_part(request):
        return render(request, "confirm.html", context)
    return reswap(retarget(render(request, "confirm.html#confirm-dialog", context), "#dialogs"), "innerHTML")


def hidden_fields(name: str, values: Iterable[object]) -> tuple[tuple[str, str], ...]:
    """Pairs for `Question.fields`: one name, several values."""
    return tuple((name, str(value)) for value in values)
