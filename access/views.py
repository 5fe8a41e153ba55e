"""Signing in and out, the lock-out page, and what people choose for themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from axes.helpers import get_cool_off
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import SuspiciousOperation
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from access import actions
from access.forms import SignInForm
from access.models import PowerLevel, Role, Theme, User
from access.pages import PersonRequest, requires
from lib.pages import wants_part, way_back

YEAR_S = 365 * 24 * 3600


class SignIn(LoginView):
    """The sign-in page; people who are signed in already go on."""

    template_name = "access/sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: Form) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


class SignOut(LogoutView):
    """Signs out, by POST only, and says so."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        messages.success(request, "You are signed out.")
        return response


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None) -> HttpResponse:
    """What django-axes answers after too many failures; each further try starts the wait anew."""
    wait = get_cool_off(request) or timedelta(hours=1)
    context = {"again_at": timezone.now() + wait, "minutes": round(wait.total_seconds() / 60)}
    page = render(request, "access/locked_out.html", context, status=429)
    page.headers["Retry-After"] = str(int(wait.total_seconds()))
    return page


@require_POST
@requires(Role.VIEWER, to="choose a power level")
def set_power_level(request: PersonRequest) -> HttpResponseBase:
    """Remembers what `auto` means for this person; an empty level is the console's own strategy."""
    asked = request.POST.get("level", "")
    if asked not in ("", *PowerLevel.values):
        raise SuspiciousOperation(f"There is no power level '{asked[:32]}'.")
    actions.set_power_level(by=request.user, level=PowerLevel(asked) if asked else None)
    named = f"takes the level {PowerLevel(asked).label.lower()}" if asked else "follows the console's strategy"
    messages.success(request, f"For you and your keys, auto now {named}.")
    return redirect(way_back(request))


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remembers the theme in a cookie and, of somebody who signed in, with the person."""
    theme = request.POST.get("theme", "")
    response = HttpResponse(status=204) if wants_part(request) else redirect(way_back(request))
    if theme in Theme.values:
        response.set_cookie("theme", theme, max_age=YEAR_S, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
        if isinstance(request.user, User):
            actions.set_theme(by=request.user, theme=Theme(theme))
    return response
