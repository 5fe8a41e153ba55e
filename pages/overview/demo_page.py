"""The card of the demo: break a provider, repair it, send a request. Each works as a part of a page and as a page."""

from __future__ import annotations

import time
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from access.models import Role
from gateway.openai import ApiError
from gateway.send_test import try_group
from lib.exceptions import DomainError
from pages.groups.send_test_page import shown
from pages.guards import PersonRequest, requires
from pages.overview.demo_card import DemoCard, demo_context, demo_now
from pages.overview.views import PAGE, page_context
from pages.parts import wants_part, way_back
from providers.demo import breaking
from providers.demo.behaviour import PROVIDERS

CARD = "overview/_demo_card.html"
ASKED = [{"role": "user", "content": "Who answers this?"}]


@require_http_methods(["GET", "HEAD", "POST"])
def demo(request: PersonRequest) -> HttpResponseBase:
    """GET: the list of providers, for the open page. POST `do`: `send`, `break:SLUG` or `repair:SLUG`."""
    return _done(request) if request.method == "POST" else _listed(request)


@requires(Role.VIEWER, to="see the overview")
def _listed(request: PersonRequest) -> HttpResponse:
    if not wants_part(request):
        return redirect("home")
    return render(request, f"{CARD}#places", demo_context(request, _card()))


@requires(Role.OPERATOR, to="break a demo provider or send a request")
def _done(request: PersonRequest) -> HttpResponse:
    do = request.POST.get("do", "")
    if do == "send":
        return _answered(request, _card())
    _set(*do.partition(":")[::2], _card())
    if wants_part(request):
        return render(request, f"{CARD}#places", demo_context(request, _card()))
    return redirect(way_back(request))


def _card() -> DemoCard:
    card = demo_now()
    if card is None:
        raise Http404
    return card


def _set(verb: str, slug: str, card: DemoCard) -> None:
    if slug not in {place.slug for place in card.places} or verb not in ("break", "repair"):
        raise Http404
    if verb == "break":
        breaking.break_for_a_while(PROVIDERS[slug], now=time.time())
    else:
        breaking.repair(PROVIDERS[slug])


def _answered(request: PersonRequest, card: DemoCard) -> HttpResponse:
    """Sends one real request through the group, and shows what came of it."""
    context = {**demo_context(request, card), **_sent(request, card)}
    if wants_part(request):
        return render(request, f"{CARD}#demo-result", context)
    return render(request, PAGE, {**page_context(request), **context})


def _sent(request: PersonRequest, card: DemoCard) -> dict[str, Any]:
    try:
        result = try_group(name=card.group.name, messages=ASKED, by=request.user)
    except (DomainError, ApiError) as error:
        return {"refusal": str(error)}
    return shown(result, has_tiers=True)
