"""The answers of the command palette; without htmx, a page."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from access.models import Role
from pages.guards import PersonRequest, requires
from pages.palette.name_search import find
from pages.parts import page_or_part, wants_part, words_in

FEW, MANY = 5, 50


@require_safe
@vary_on_headers("HX-Request")
@requires(Role.STRANGER, to="search")
def search(request: PersonRequest) -> HttpResponse:
    """What this person may open: a few of each kind in the palette, more on the page."""
    text, most = words_in(request), FEW if wants_part(request) else MANY
    context = {"text": text, "kinds": find(text, reader=request.user, most=most)}
    return page_or_part(request, "palette/search.html", "search-results", context)
