"""Read-only links to the traffic of a group: operators make and revoke them, and anybody opens them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.models import Role
from groups.exceptions import TooManyLinks
from groups.models import RoutingGroup, SharedLink
from groups.sharing.links import link_of, revoke_link, share_group, token_of
from pages.groups.home.home_state import home_of
from pages.groups.home.live_parts import now_answer
from pages.guards import PersonRequest, requires

DAYS = ((1, "1 day"), (7, "7 days"), (30, "30 days"), (90, "90 days"))
editors_only = requires(Role.OPERATOR, to="share the traffic of groups")


class ShareForm(forms.Form):
    """How long a new link opens."""

    days = forms.TypedChoiceField(
        label="Opens for",
        choices=DAYS,
        coerce=int,
        initial=7,
        widget=forms.Select({"class": "input"}),
        error_messages={"invalid_choice": "Choose 1, 7, 30 or 90 days."},
    )


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link that opens, with its address."""

    link: SharedLink
    url: str
    expires_at: datetime


def links_of(request: HttpRequest, group: RoutingGroup) -> list[LinkRow]:
    """The links of a group that open; one query."""
    found = SharedLink.objects.usable().filter(group_id=group.pk)
    return [LinkRow(link, request.build_absolute_uri(_address(link)), link.expires_at) for link in found]


def _address(link: SharedLink) -> str:
    return reverse("shared-group", args=[token_of(link)])


@require_POST
@editors_only
def revoke(request: PersonRequest, group_id: UUID, link_id: UUID) -> HttpResponse:
    """Revokes a link at once."""
    revoke_link(by=request.user, link=get_object_or_404(SharedLink, pk=link_id, group_id=group_id))
    messages.success(request, "The link is revoked.")
    return redirect("group-share", group_id)


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def share_page(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """The links of a group; POST makes one."""
    group = get_object_or_404(RoutingGroup, pk=group_id)
    form = ShareForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            share_group(by=request.user, group=group, length=timedelta(days=form.cleaned_data["days"]))
        except TooManyLinks as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The link is below: it opens without a sign-in.")
            return redirect("group-share", group_id)
    context = {"group": group, "links": links_of(request, group), "form": form, "can_edit": True}
    return render(request, "groups/share.html", context, status=422 if form.errors else 200)


def opened(page: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Gives a page the group of its token, or answers 404; says that nobody may keep, index or pass on its address."""

    @wraps(page)
    def guarded(request: HttpRequest, token: str) -> HttpResponse:
        if (link := link_of(token)) is None:
            raise Http404("This link has expired or was revoked.")
        answer = page(request, token, link)
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers["X-Robots-Tag"] = "noindex, nofollow"
        return answer

    return never_cache(require_safe(guarded))


@opened
def shared_group(request: HttpRequest, token: str, link: SharedLink) -> HttpResponse:
    """The traffic of a group, for anybody who has the link: no keys, prompts or people."""
    group = get_object_or_404(RoutingGroup.objects.with_deployments(), pk=link.group_id)
    state = home_of(group, now=timezone.now())
    context: dict[str, Any] = {
        "group": group,
        "state": state,
        "scene": state.scene,
        "is_public": True,
        "now_url": reverse("shared-group-now", args=[token]),
        "expires_at": link.expires_at,
    }
    return render(request, "groups/shared.html", context)


@opened
def shared_now(request: HttpRequest, token: str, link: SharedLink) -> HttpResponse:
    """What that page shows now."""
    return now_answer(request, link.group_id, audience="public")
