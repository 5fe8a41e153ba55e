"""Saving a filter of the request log under a name, renaming and deleting it. A person sees only their own."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.views.decorators.http import require_http_methods

from access.models import Role
from pages.dialogs import dialog, done
from pages.forms import ActionForm, attributes
from pages.guards import PersonRequest, requires
from pages.parts import Question, ask
from usage.models import SavedFilter
from usage.models.saved_filters import LONGEST_NAME
from usage.request_log.filter import MARKS, RequestFilterForm
from usage.request_log.saved_filters import filters_of, rename_filter, save_filter

FORM = "traffic/saved_filter.html"
signed_in = requires(Role.STRANGER, to="save filters")


class FilterNameForm(ActionForm):
    """The name of a saved filter."""

    name = forms.CharField(
        label="Name of the filter", max_length=LONGEST_NAME, widget=forms.TextInput(attributes(autofocus=True))
    )


@dataclass(frozen=True, slots=True)
class MarkLink:
    """A mark as a switch: `query` is that of the log with it switched."""

    word: str
    is_on: bool
    query: str


@dataclass(frozen=True, slots=True)
class FilterLink:
    """A saved filter; `is_on`: it is the current one."""

    saved: SavedFilter
    is_on: bool


def marks_in(form: RequestFilterForm) -> list[MarkLink]:
    """The marks with the current filters around them."""
    return [MarkLink(word, form.chosen.get(name) == "true", form.toggled(name)) for name, word in MARKS.items()]


def saved_in(request: PersonRequest, form: RequestFilterForm) -> list[FilterLink]:
    """The filters of this person; one query."""
    here = form.address()
    return [FilterLink(saved, saved.query == here) for saved in filters_of(request.user)]


def log_at(query: str) -> str:
    """The address of the log with a filter."""
    return resolve_url("request-list") + (f"?{query}" if query else "")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def filter_new(request: PersonRequest) -> HttpResponseBase:
    """Asks for a name for the filter in the address; POST saves it and goes back to the log with it."""
    filters = RequestFilterForm(request.GET)
    if not (filters.is_valid() and filters.is_narrowing):
        messages.error(request, "Choose a filter first, then save it.")
        return redirect("request-list")
    query = filters.address()
    form = FilterNameForm(request.POST if request.method == "POST" else None)
    saved = form.accepted(lambda: save_filter(by=request.user, name=form.cleaned_data["name"], query=query))
    if saved:
        return done(request, f"The filter {saved.name} is saved.")
    return _form_page(request, form, None, action=f"{request.path}?{query}", query=query)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def filter_rename(request: PersonRequest, filter_id: int) -> HttpResponseBase:
    """A saved filter; POST renames it."""
    saved = get_object_or_404(SavedFilter, pk=filter_id, person=request.user)
    form = FilterNameForm(request.POST if request.method == "POST" else None, initial={"name": saved.name})
    renamed = form.accepted(lambda: rename_filter(saved=saved, name=form.cleaned_data["name"]))
    if renamed:
        return done(request, f"The filter is called {renamed.name} now.")
    return _form_page(request, form, saved, action=request.path, query=saved.query)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def filter_delete(request: PersonRequest, filter_id: int) -> HttpResponseBase:
    """GET asks, POST deletes."""
    saved = get_object_or_404(SavedFilter, pk=filter_id, person=request.user)
    back = log_at(saved.query)
    if request.method == "POST":
        saved.delete()
        messages.success(request, f"The filter {saved.name} is deleted.")
        return redirect(back)
    consequence = "The requests stay in the log, and the address of the filter goes on working."
    return ask(request, Question("Delete this filter?", (saved.name,), consequence, "Delete the filter", back))


def _form_page(
    request: PersonRequest, form: FilterNameForm, saved: SavedFilter | None, *, action: str, query: str
) -> HttpResponse:
    context = {"form": form, "saved": saved, "action": action, "next": log_at(query)}
    return dialog(request, FORM, "saved-filter", context, status=form.status)
