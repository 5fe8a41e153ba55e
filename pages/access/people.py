"""The pages of people, for admins."""

from __future__ import annotations

import secrets

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from access import actions
from access.lists import people_matching
from access.models import Role, User
from pages.access.forms.people import PersonFilterForm, PersonForm, RateLimitsForm, RoleForm
from pages.dialogs import refusals_told
from pages.guards import PersonRequest, requires
from pages.parts import page_of, page_or_part, way_back

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
        "page": page_of(request, people_matching(form.chosen), PAGE_SIZE),
        "query": form.query,
        "roles": Role.choices,
    }
    return page_or_part(request, LIST, "person-rows", context)


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
        with refusals_told(request):
            actions.set_role(by=request.user, user=person, role=role)
            messages.success(request, f"{person.username}: {role.label.lower()}.")
    else:
        messages.error(request, "There is no such role. Choose one from the list.")
    return redirect(way_back(request, "person-list"))


@require_POST
@admins_only
def person_switch(request: PersonRequest, person_id: int) -> HttpResponse:
    """Activates or deactivates a person, by the pressed button."""
    person = get_object_or_404(User, pk=person_id)
    is_active = request.POST.get("is_active") == "1"
    kept_out = "can no longer sign in, and their keys no longer work"
    outcome = "may sign in again, and their keys work" if is_active else kept_out
    with refusals_told(request):
        actions.set_active(by=request.user, user=person, is_active=is_active)
        messages.success(request, f"{person.username} {outcome}.")
    return redirect(way_back(request, "person-list"))


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def person_limits(request: PersonRequest, person_id: int) -> HttpResponse:
    """The limits of all keys of a person as a form; POST saves them."""
    person = get_object_or_404(User, pk=person_id)
    form = RateLimitsForm(request.POST if request.method == "POST" else None, person=person)
    if not form.is_valid():
        return render(request, LIMITS, {"form": form, "person": person}, status=form.status)
    with refusals_told(request):
        actions.set_limits(by=request.user, user=person, **form.cleaned_data)
        messages.success(request, f"The limits of {person.username} are saved.")
    return redirect("person-list")


@sensitive_variables("password")
def _created(request: PersonRequest) -> HttpResponse:
    form = PersonForm(request.POST)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    person = form.accepted(lambda: actions.create_user(by=request.user, password=password, **form.user_fields()))
    if person is None:
        return render(request, FORM, {"form": form}, status=form.status)
    return render(request, CREATED, {"person": person, "password": password})
