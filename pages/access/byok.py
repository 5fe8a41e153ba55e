"""The BYOK pages for admins: who brought own keys, and the saved cost."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from access.models import Role, User
from pages.guards import PersonRequest, requires
from pages.parts import page_of, page_or_part, wants_part, words_in
from usage.analytics import byok_report

LIST, DETAIL = "access/byok_list.html", "access/byok_detail.html"
PAGE_SIZE = 50
admins_only = requires(Role.ADMIN, to="see own keys")


@require_safe
@vary_on_headers("HX-Request")
@admins_only
def byok_list(request: PersonRequest) -> HttpResponse:
    """The totals and everybody with own keys; htmx gets the matching people."""
    q, report = words_in(request), byok_report.report_of()
    page = page_of(request, byok_report.people_with_own_keys(q), PAGE_SIZE)
    context = {
        "q": q,
        "query": urlencode({"q": q}) if q else "",
        "page": page,
        "lines": byok_report.lines_of(page.object_list, report),
        "numbers": None if wants_part(request) else byok_report.numbers_of(report),
    }
    return page_or_part(request, LIST, "bringers", context)


@require_safe
@admins_only
def byok_detail(request: PersonRequest, user_id: int) -> HttpResponse:
    """The own keys of one person: hints, states and usage."""
    person = get_object_or_404(byok_report.with_keys(User.objects.all()), pk=user_id)
    report = byok_report.report_of(person)
    context = {"person": person, "uses": byok_report.uses_of(person, report), "totals": report.totals()}
    return render(request, DETAIL, context)
