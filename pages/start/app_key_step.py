"""Steps 4 and 5: an API key for the app, shown once in lines to copy; and a first call."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from access.actions import issue_key
from access.models import Scope
from gateway.openai import ApiError
from gateway.send_test import try_group
from groups.models import RoutingGroup, Strategy
from lib.exceptions import DomainError
from pages.client_snippets import snippets_of
from pages.forms import ActionForm, attributes
from pages.groups.detail import HOME_SNIPPETS
from pages.groups.forms import HELLO
from pages.groups.send_test_page import shown
from pages.guards import PersonRequest
from pages.parts import wants_part
from pages.start.key_step import admins_only
from pages.start.step_page import step_page
from providers.models import Provider

PAGE, LAST = "start/app_key_step.html", "start/first_call.html"
VALID_FOR = timedelta(days=90)


class AppKeyForm(ActionForm):
    """The name of the app."""

    name = forms.CharField(
        label="Name",
        max_length=64,
        initial="my-app",
        widget=forms.TextInput(attributes()),
        help_text="What the key is for, so that you can tell it from others.",
        error_messages={"required": "Say what the key is for."},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def app_key_step(request: PersonRequest, provider_id: UUID, group_id: UUID) -> HttpResponseBase:
    """The form; the answer to a POST is the only page that shows the key."""
    provider, group = get_object_or_404(Provider, pk=provider_id), get_object_or_404(RoutingGroup, pk=group_id)
    if request.method != "POST":
        return _page(request, provider, group, AppKeyForm())
    return _issued(request, provider, group, AppKeyForm(request.POST))


@sensitive_variables("issued", "snippets", "context")
def _issued(request: PersonRequest, provider: Provider, group: RoutingGroup, form: AppKeyForm) -> HttpResponse:
    """Issues a key that may call this group and nothing else."""
    issued = form.accepted(
        lambda: issue_key(
            by=request.user,
            owner=request.user,
            name=form.cleaned_data["name"],
            expires_at=timezone.now() + VALID_FOR,
            scopes=[Scope.CALL],
            allowed_models=[group.name],
        ),
        refusals=DomainError,
    )
    if issued is None:
        return _page(request, provider, group, form)
    key, plaintext = issued
    snippets = snippets_of(request.build_absolute_uri("/"), group.name, plaintext)[:HOME_SNIPPETS]
    context = {
        "provider": provider,
        "group": group,
        "key": key,
        "plaintext": plaintext,
        "snippets": snippets,
        "hello": HELLO,
    }
    return step_page(request, LAST, 5, [*_done(provider, group), _own(provider, group)], context)


@require_http_methods(["GET", "POST"])
@admins_only
def first_call(request: PersonRequest, provider_id: UUID, group_id: UUID) -> HttpResponse:
    """Sends one real request through the group. Without JavaScript the group's page does it, in a window of its own."""
    group = get_object_or_404(RoutingGroup, pk=group_id)
    if request.method != "POST" or not wants_part(request):
        return redirect("group-detail", group.pk)
    has_tiers = group.strategy == Strategy.PRIORITY_FAILOVER
    try:
        result = try_group(name=group.name, messages=[{"role": "user", "content": HELLO}], by=request.user)
    except (DomainError, ApiError) as error:
        return render(request, f"{LAST}#called", {"group": group, "refusal": str(error)})
    return render(request, f"{LAST}#called", {"group": group, **shown(result, has_tiers=has_tiers)})


def _page(request: PersonRequest, provider: Provider, group: RoutingGroup, form: AppKeyForm) -> HttpResponse:
    context = {"form": form, "provider": provider, "group": group}
    return step_page(request, PAGE, 4, _done(provider, group), context, is_refused=bool(form.errors))


def _done(provider: Provider, group: RoutingGroup) -> list[str]:
    before = [reverse(name, args=[provider.pk]) for name in ("start-provider", "start-models")]
    return [*before, reverse("start-group-again", args=[provider.pk, group.pk])]


def _own(provider: Provider, group: RoutingGroup) -> str:
    return reverse("start-api-key", args=[provider.pk, group.pk])
