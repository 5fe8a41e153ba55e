"""Status pages: where the outage time machine has the incidents of your own providers from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from access.models import Role
from access.rules import check_role
from engine.exceptions import BadInput
from engine.history.page_reader import LONGEST_NAME, MOST_BYTES
from pages.forms import attributes
from pages.guards import PersonRequest
from pages.providers.page_rights import editors_only, readers_only, rights
from providers.models import StatusPage
from providers.status_pages import actions
from providers.status_pages.actions import LONGEST_URL, Imported
from providers.status_pages.api import pages_with_counts

PAGE = "providers/status_page_list.html"
SKIPPED_SHOWN = 5


class StatusPageForm(forms.Form):
    """An address or a file."""

    url = forms.CharField(
        label="Address of a status page",
        required=False,
        max_length=LONGEST_URL,
        widget=forms.URLInput(attributes(placeholder="https://status.example.com")),
        help_text="Its front page will do, or the address of its incidents.json.",
    )
    file = forms.FileField(
        label="Or a file with its incidents.json",
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"class": "input", "accept": ".json"}),
    )
    name = forms.CharField(
        label="Name",
        required=False,
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attributes()),
        help_text="Empty: the page's own name.",
    )

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if not self.errors and bool(said.get("url")) == (said.get("file") is not None):
            self.add_error("url", "Give an address or a file: one of them.")
        return said

    def imported(self, person: Any) -> Imported | None:
        """What a valid form has imported; None if it was refused, which the form then shows."""
        said = self.cleaned_data
        try:
            if (file := said["file"]) is not None:
                return actions.import_content(by=person, content=_content(file), name=said["name"])
            return actions.import_from_url(by=person, url=said["url"], name=said["name"])
        except BadInput as error:
            field = {"content": "file", "url": "url", "name": "name"}.get(error.field)
            self.add_error(field, error.message)
            return None


def _content(file: UploadedFile) -> bytes:
    """One byte more than allowed is enough to be refused."""
    return bytes(file.read(MOST_BYTES + 1))


@require_http_methods(["GET", "HEAD", "POST"])
@readers_only
def status_page_list(request: PersonRequest) -> HttpResponse:
    """GET shows all pages; POST imports one."""
    if request.method != "POST":
        return _shown(request, StatusPageForm(label_suffix=""))
    check_role(request.user, Role.ADMIN, to="import incidents")
    form = StatusPageForm(request.POST, request.FILES, label_suffix="")
    if form.is_valid() and (imported := form.imported(request.user)) is not None:
        _tell(request, imported)
        return redirect("status-page-list")
    return _shown(request, form, status=422)


@require_POST
@editors_only
def status_page_refresh(request: PersonRequest, page_id: UUID) -> HttpResponse:
    """Asks a page again."""
    page = get_object_or_404(StatusPage, pk=page_id)
    _told(request, lambda: _tell(request, actions.refresh(page, by=request.user)))
    return redirect("status-page-list")


@require_POST
@editors_only
def status_page_delete(request: PersonRequest, page_id: UUID) -> HttpResponse:
    """Forgets a page with its incidents."""
    page = get_object_or_404(StatusPage, pk=page_id)
    name = page.name
    actions.forget(page, by=request.user)
    messages.success(request, f"The incidents of {name} are deleted.")
    return redirect("status-page-list")


def _shown(request: PersonRequest, form: StatusPageForm, *, status: int = 200) -> HttpResponse:
    return render(request, PAGE, {"form": form, "pages": pages_with_counts(), **rights(request)}, status=status)


def _told(request: PersonRequest, act: Callable[[], None]) -> None:
    try:
        act()
    except BadInput as error:
        messages.error(request, error.message)


def _tell(request: PersonRequest, imported: Imported) -> None:
    counts = f"{imported.added} added, {imported.changed} changed, {imported.unchanged} as before."
    messages.success(request, " ".join((f"{imported.page.name}: {counts}", *imported.notes)))
    if count := len(imported.unread):
        few = "; ".join(f"{one.incident}: {one.why.rstrip('.')}" for one in imported.unread[:SKIPPED_SHOWN])
        more = f"; and {count - SKIPPED_SHOWN} more" if count > SKIPPED_SHOWN else ""
        messages.warning(request, f"{count} left out. {few}{more}.")
