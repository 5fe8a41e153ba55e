"""Signing in and out, and the lock-out page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from axes.helpers import get_client_ip_address, get_cool_off
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from access import actions
from access.models import Role, User
from pages.guards import PersonRequest, requires

log = structlog.get_logger(__name__)
# In place of a name that nobody has: it may be a password, typed into the wrong field.
NOBODY = "(unknown)"


class SignInForm(AuthenticationForm):
    """Django's form with our look; the same message for every failed sign-in."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "This name and password don't go together. Both are case-sensitive.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"
            field.label_suffix = ""
        if self.is_bound:
            self.fields["username"].widget.attrs.pop("autofocus", None)
            self.fields["password"].widget.attrs["autofocus"] = True


class SignIn(LoginView):
    """The sign-in page; people who are signed in already are redirected."""

    template_name = "access/sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        log.info("signed in", user=form.get_user().get_username(), address=_address(self.request))
        return response

    def form_invalid(self, form: Form) -> HttpResponse:
        log.warning("sign-in failed", user=_known(form), address=_address(self.request))
        return self.render_to_response(self.get_context_data(form=form), status=422)


class SignOut(LogoutView):
    """Signs out, by POST only, and says so."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = request.user.get_username()
        response = super().post(request, *args, **kwargs)
        log.info("signed out", user=user, address=_address(request))
        messages.success(request, "You are signed out.")
        return response


@require_POST
@requires(Role.STRANGER, to="sign out everywhere")
def sign_out_everywhere(request: PersonRequest) -> HttpResponseBase:
    """Ends this session and all others of this person."""
    actions.sign_out_everywhere(by=request.user)
    logout(request)
    messages.success(request, "You are signed out in every browser.")
    return redirect("sign-in")


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None) -> HttpResponse:
    """The answer of django-axes after too many failures; each further attempt restarts the wait."""
    wait = get_cool_off(request) or timedelta(hours=1)
    log.warning("sign-in locked", address=_address(request), minutes=round(wait.total_seconds() / 60))
    context = {"again_at": timezone.now() + wait, "minutes": round(wait.total_seconds() / 60)}
    page = render(request, "access/locked_out.html", context, status=429)
    page.headers["Retry-After"] = str(int(wait.total_seconds()))
    return page


def _known(form: Form) -> str:
    name = form.cleaned_data.get(
        "username", ""
    )  # missing where it is no name at all, which no database may be asked for
    return name if User.objects.filter(username=name).exists() else NOBODY


def _address(request: HttpRequest) -> str:
    return str(get_client_ip_address(request) or "")
