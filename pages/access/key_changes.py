"""Issue, change, rotate and revoke an API key. The key is shown only on the page that answers the POST."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from access import actions, rules
from access.lists import names_of_people, teams_managed_by
from access.models import ApiKey, Role
from groups.models import RoutingGroup
from lib.exceptions import DomainError, NotAllowed
from pages.access.forms.keys import KeyEditForm, KeyForm, NewKeyForm, RotationForm
from pages.access.keys import PAGE, key_context, key_seen_by
from pages.client_snippets import snippets_of
from pages.guards import PersonRequest, requires
from pages.parts import Question, ask

FORM, ISSUED = "access/key_form.html", "access/key_issued.html"
issuers_only = requires(Role.VIEWER, to="issue API keys")


@require_http_methods(["GET", "HEAD", "POST"])
@issuers_only
def key_new(request: PersonRequest) -> HttpResponseBase:
    """An empty form; POST issues the key and shows it once."""
    teams = teams_managed_by(request.user)
    if request.method == "POST":
        return _issued(request, NewKeyForm(request.POST, by=request.user, teams=teams))
    asked = next(iter(teams.called(request.GET.get("team", ""))), None)
    return _page(request, NewKeyForm(by=request.user, teams=teams, initial={"team": asked}), None)


@require_http_methods(["GET", "HEAD", "POST"])
@issuers_only
def key_edit(request: PersonRequest, key_id: UUID) -> HttpResponseBase:
    """A stored key as a form; POST saves it."""
    key = key_seen_by(request, key_id)
    rules.check_change_key(request.user, key)
    if request.method == "POST":
        return _changed(request, key)
    return _page(request, KeyEditForm(key=key), key)


@sensitive_variables("plaintext")
@require_POST
@issuers_only
def key_rotate(request: PersonRequest, key_id: UUID) -> HttpResponse:
    """Replaces this key by a new one and shows it once."""
    key = key_seen_by(request, key_id)
    form = RotationForm(request.POST)
    if not form.is_valid():
        return render(request, PAGE, key_context(request, key, rotation=form), status=form.status)
    try:
        successor, plaintext = actions.rotate_key(by=request.user, key=key, overlap=form.overlap)
    except NotAllowed:
        raise
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("key-detail", key_id)
    key.refresh_from_db()
    return _shown_once(request, successor, plaintext, predecessor=key)


@require_POST
@issuers_only
def key_revoke(request: PersonRequest, key_id: UUID) -> HttpResponse:
    """Asks, then revokes the key."""
    key = key_seen_by(request, key_id)
    if "sure" not in request.POST:
        return ask(request, _question(key))
    actions.revoke_key(by=request.user, key=key)
    messages.success(request, f"The key {key.name} is revoked.")
    return redirect("key-detail", key_id)


@sensitive_variables("issued")
def _issued(request: PersonRequest, form: NewKeyForm) -> HttpResponse:
    issued = form.accepted(lambda: actions.issue_key(by=request.user, **form.key_fields()), refusals=DomainError)
    return _shown_once(request, *issued) if issued else _page(request, form, None)


def _changed(request: PersonRequest, key: ApiKey) -> HttpResponse:
    form = KeyEditForm(request.POST, key=key)
    if not form.accepted(
        lambda: actions.change_key(by=request.user, key=key, **form.key_fields()), refusals=DomainError
    ):
        return _page(request, form, key)
    messages.success(request, f"The key {form.cleaned_data['name']} is saved.")
    return redirect("key-detail", key.pk)


def _page(request: PersonRequest, form: KeyForm, key: ApiKey | None) -> HttpResponse:
    context = {
        "form": form,
        "key": key,
        "people": names_of_people() if "owner" in form.fields else [],
        "action": resolve_url("key-edit", key.pk) if key else _new_key_url(request),
    }
    return render(request, FORM, context, status=form.status)


@sensitive_variables("plaintext", "snippets", "shown")
def _shown_once(
    request: PersonRequest, key: ApiKey, plaintext: str, *, predecessor: ApiKey | None = None
) -> HttpResponse:
    base_url, group = request.build_absolute_uri("/v1"), _group_in_mind(request)
    snippets = snippets_of(request.build_absolute_uri("/"), group.name, plaintext) if group else ()
    shown = {"key": key, "plaintext": plaintext, "predecessor": predecessor, "base_url": base_url}
    return render(request, ISSUED, {**shown, "group": group, "snippets": snippets})


def _group_in_mind(request: PersonRequest) -> RoutingGroup | None:
    """The group whose page asked for a key: its snippets are shown with the key filled in."""
    try:
        return RoutingGroup.objects.filter(pk=UUID(request.GET.get("group", ""))).first()
    except ValueError:
        return None


def _new_key_url(request: PersonRequest) -> str:
    group = _group_in_mind(request)
    return f"{resolve_url('key-new')}?group={group.pk}" if group else resolve_url("key-new")


def _question(key: ApiKey) -> Question:
    return Question(
        title=f"Revoke {key.name}?",
        lost=(str(key),),
        consequence="Requests with it are refused within a second. This can't be undone. To go on without a gap, "
        "rotate it instead.",
        button="Revoke key",
        back=resolve_url("key-detail", key.pk),
    )
