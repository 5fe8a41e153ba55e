"""Shared by many pages: partial or whole answers, the URL's parameters, the way back, confirmation questions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import reswap, retarget
from django_htmx.middleware import HtmxDetails

from lib.ids import uuids_of

LONGEST_SEARCH = 150


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


def page_or_part(
    request: HttpRequest, template: str, part: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page, or the part of it that htmx swaps in; the template gets `is_part`."""
    is_part = wants_part(request)
    name = f"{template}#{part}" if is_part else template
    return render(request, name, {**context, "is_part": is_part}, status=status)


def page_of(request: HttpRequest, rows: Any, size: int) -> Page[Any]:
    """The rows of the page in the URL; of the last page if the number is too high."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def words_in(request: HttpRequest) -> str:
    """The search words in the URL."""
    return request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]


def ids_in(request: HttpRequest, *, most: int) -> list[UUID]:
    """The `id`s in the URL; invalid ones are ignored."""
    return uuids_of(request.GET.getlist("id")[:most])


def way_back(request: HttpRequest, default: str = "") -> str:
    """The page in the form's `next`, if that is one of our own; else the default, or the first page."""
    target = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if is_ours else resolve_url(default or settings.LOGIN_REDIRECT_URL)


def ask(request: HttpRequest, question: Question) -> HttpResponse:
    """The question as a dialog over the page, or as a page without htmx. Yes is a POST with `sure=1`."""
    context = {"question": question, "action": request.path}
    if not wants_part(request):
        return render(request, "confirm.html", context)
    return reswap(retarget(render(request, "confirm.html#confirm-dialog", context), "#dialogs"), "innerHTML")


def hidden_fields(name: str, values: Iterable[object]) -> tuple[tuple[str, str], ...]:
    """Pairs for `Question.fields`: one name, several values."""
    return tuple((name, str(value)) for value in values)
