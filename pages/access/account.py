"""A person's own page: who they are here, and what is theirs."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from access.credits.statements import summary_of
from access.models import PowerLevel, Role, Theme
from access.rules import can_read
from pages.access.key_status import lines_of
from pages.access.own_key_panel import panel_of
from pages.guards import PersonRequest, requires

PAGE = "access/account.html"
KEYS_SHOWN = 8


@require_safe
@requires(Role.STRANGER, to="see your account")
def account(request: PersonRequest) -> HttpResponse:
    """Who signed in, with their teams, choices and keys; for people without a role too."""
    return render(request, PAGE, account_context(request))


def account_context(request: PersonRequest) -> dict[str, Any]:
    """What the page shows."""
    person = request.user
    keys = person.api_keys.usable().select_related("owner", "team")
    return {
        "person": person,
        "memberships": person.memberships.select_related("team"),
        "levels": PowerLevel.choices,
        "themes_offered": Theme.choices,
        "keys": lines_of(keys[:KEYS_SHOWN]),
        "key_count": keys.count(),
        "can_read": can_read(person),
        "own_keys": panel_of(person),
        "credits": summary_of(person),
    }
