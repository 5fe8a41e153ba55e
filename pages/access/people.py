"""The pages of people, for admins."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from access import actions
from access.lists import people_matching
from access.models import Role, User
from lib.exceptions import DomainError, NotAllowed
from pages.access.forms.people import PersonFilterForm, PersonForm, RateLimitsForm, RoleForm
from pages.guards import PersonRequest, requires
from pages.parts import wants_part, way_back

LIST, FORM, CREATED = "access/person_list.html", "access/person_form.html", "access/person_created.html"
LIMITS = "access/person_limits.html"
PAGE_SIZE = 50
PASSWORD_BYTES = 12
admins_only = requires(Role.ADMIN, to="manage people")


@require_safe
@vary_on_headers("HX-Request")
@admins_only
def person_list(request: PersonRequest) -> HttpResponse:
    """All people; the URL has search, filters and page."""
    form = PersonFilterForm(request.GET)
    context = {
        "form": form,
        "page": Paginator(people_matching(form.chosen), PAGE_SIZE).get_page(request.GET.get("page")),
        "query": urlencode(form.chosen),
        "roles": Role.choices,
        "is_part": wants_part(request),
    }
    return render(request, f"{LIST}#person-rows" if wants_part(request) else LIST, context)


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def person_new(request: PersonRequest) -> HttpResponseBase:
    """An empty form; POST creates a person and shows their password once."""
    return _created(request) if request.method == "POST" else render(request, FORM, {"form": PersonForm()})


@require_POST
@admins_only
def person_role(request: PersonRequest, person_id: int) -> HttpResponse:
    """Gives a person another role."""
    person = get_object_or_404(User, pk=person_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        _told(request, f"{person.username}: {role.label.lower()}.", actions.set_role, user=person, role=role)
    else:
        messages.error(request, "There is no such role. Choose one from the list.")
    return redirect(_list_again(request))


@require_POST
@admins_only
def person_switch(request: PersonRequest, person_id: int) -> HttpResponse:
    """Activates or deactivates a person, by the pressed button."""
    person = get_object_or_404(User, pk=person_id)
    is_active = request.POST.get("is_active") == "1"
    outcome = (
        "may sign in again, and their keys work"
        if is_active
        else "can no longer sign in, and their keys no longer work"
    )
    _told(request, f"{person.username} {outcome}.", actions.set_active, user=person, is_active=is_active)
    return redirect(_list_again(request))


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def person_limits(request: PersonRequest, person_id: int) -> HttpResponse:
    """The limits of all keys of a person as a form; POST saves them."""
    person = get_object_or_404(User, pk=person_id)
    form = RateLimitsForm(request.POST if request.method == "POST" else None, person=person)
    if not form.is_valid():
        return render(request, LIMITS, {"form": form, "person": person}, status=422 if form.is_bound else 200)
    _told(request, f"The limits of {person.username} are saved.", actions.set_limits, user=person, **form.cleaned_data)
    return redirect("person-list")


@sensitive_variables("password")
def _created(request: PersonRequest) -> HttpResponse:
    form = PersonForm(request.POST)
    if form.is_valid():
        password, role = secrets.token_urlsafe(PASSWORD_BYTES), Role(form.cleaned_data["role"])
        name = form.cleaned_data["username"]
        try:
            person = actions.create_user(by=request.user, username=name, role=role, password=password)
            return render(request, CREATED, {"person": person, "password": password})
        except ValidationError as error:
            form.blame(error)
    return render(request, FORM, {"form": form}, status=422)


def _told(request: PersonRequest, outcome: str, action: Any, **what: Any) -> None:
    """Runs the action and shows its result as a message."""
    try:
        action(by=request.user, **what)
        messages.success(request, outcome)
    except NotAllowed:
        raise
    except DomainError as error:
        messages.error(request, str(error))


def _list_again(request: PersonRequest) -> str:
    return way_back(request) if "next" in request.POST else "person-list"
