"""A person's own account page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, update_session_auth_hash
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import actions
from access.credits.statements import summary_of
from access.models import PowerLevel, Role, Theme, User
from access.rules import can_read
from pages.access.forms.people import PasswordForm
from pages.access.key_status import lines_of
from pages.access.own_key_panel import panel_of
from pages.guards import PersonRequest, requires
from pages.parts import wants_part, way_back

YEAR_S = 365 * 24 * 3600


@require_POST
@requires(Role.VIEWER, to="choose a power level")
def set_power_level(request: PersonRequest) -> HttpResponseBase:
    """Remembers what `auto` means for this person; an empty level means the console's own strategy."""
    asked = request.POST.get("level", "")
    if asked not in ("", *PowerLevel.values):
        raise SuspiciousOperation(f"There is no power level '{asked[:32]}'.")
    actions.set_power_level(by=request.user, level=PowerLevel(asked) if asked else None)
    named = f"takes the level {PowerLevel(asked).label.lower()}" if asked else "follows the console's strategy"
    messages.success(request, f"For you and your keys, auto now {named}.")
    return redirect(way_back(request))


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remembers the theme in a cookie and, for a signed-in person, in their account."""
    theme = request.POST.get("theme", "")
    response = HttpResponse(status=204) if wants_part(request) else redirect(way_back(request))
    if theme in Theme.values:
        response.set_cookie("theme", theme, max_age=YEAR_S, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
        if isinstance(request.user, User):
            actions.set_theme(by=request.user, theme=Theme(theme))
    return response


PAGE = "access/account.html"
KEYS_SHOWN = 8


@require_safe
@requires(Role.STRANGER, to="see your account")
def account(request: PersonRequest) -> HttpResponse:
    """The signed-in person with their teams, preferences and keys; also without a role."""
    return render(request, PAGE, account_context(request))


def account_context(request: PersonRequest) -> dict[str, Any]:
    """The context of the page."""
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


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@requires(Role.STRANGER, to="change your password")
def change_password(request: PersonRequest) -> HttpResponseBase:
    """Another password for the signed-in person; this session goes on, all others end.

    A wrong current password counts as a failed sign-in, so that a session left open is no way to guess it.
    """
    person = request.user
    form = PasswordForm(request.POST or None, is_theirs=lambda word: _signs_in(request, word))
    if person.has_usable_password():
        changed = form.accepted(lambda: _change(person, form.new_password()))
        if changed:
            update_session_auth_hash(request, person)
            messages.success(request, "Your password is changed. Other browsers are signed out.")
            return redirect("account")
    return render(request, "access/password.html", {"form": form, "person": person}, status=form.status)


def _signs_in(request: PersonRequest, password: str) -> bool:
    return authenticate(request, username=request.user.get_username(), password=password) == request.user


def _change(person: User, password: str) -> bool:
    actions.change_password(by=person, password=password)
    return True
