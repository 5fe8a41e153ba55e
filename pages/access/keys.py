"""The list of the API keys, and the page of one key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from access import rules
from access.lists import keys_in_order, names_of_people, teams_managed_by
from access.models import ApiKey, Role, Scope
from pages.access.forms.keys import KeyFilterForm, RotationForm
from pages.access.key_status import lines_of, standing_of
from pages.guards import PersonRequest, requires
from pages.parts import page_of, page_or_part, wants_part

LIST, PAGE = "access/key_list.html", "access/key_detail.html"
PAGE_SIZE = 50
holders_only = requires(Role.VIEWER, to="see API keys")


@require_safe
@vary_on_headers("HX-Request")
@holders_only
def key_list(request: PersonRequest) -> HttpResponse:
    """The keys that this person may see; the URL has search, filters, order and page."""
    teams = teams_managed_by(request.user)
    is_admin = rules.has_role(request.user, Role.ADMIN)
    has_others = is_admin or teams.exists()
    form = KeyFilterForm(request.GET, teams=teams, has_others=has_others)
    found = rules.visible_keys(request.user).matching(**form.filters)
    page = page_of(request, keys_in_order(found, form.chosen.get("order", "")), PAGE_SIZE)
    context = {
        "form": form,
        "page": page,
        "query": form.query,
        "lines": lines_of(page),
        "has_others": has_others,
        "people": names_of_people() if is_admin and not wants_part(request) else [],
    }
    return page_or_part(request, LIST, "key-rows", context)


@require_safe
@holders_only
def key_detail(request: PersonRequest, key_id: UUID) -> HttpResponse:
    """One key: its rights, its state, and the actions on it."""
    key = key_seen_by(request, key_id)
    return render(request, PAGE, key_context(request, key))


def key_seen_by(request: PersonRequest, key_id: UUID) -> ApiKey:
    """The key, or 404 if this person may not see it."""
    rows = rules.visible_keys(request.user).select_related("owner", "team", "successor")
    return get_object_or_404(rows, pk=key_id)


def key_context(request: PersonRequest, key: ApiKey, *, rotation: RotationForm | None = None) -> dict[str, Any]:
    """The context of the page of one key."""
    standing = standing_of(key)
    return {
        "key": key,
        "standing": standing,
        "scopes": [Scope(scope).label for scope in key.scopes],
        "predecessor": ApiKey.objects.filter(successor=key).first(),
        "rotation": rotation or RotationForm(),
        "can_change": rules.can_change_key(request.user, key) and not key.revoked_at and not key.successor_id,
        "can_end": rules.can_end_key(request.user, key) and not key.revoked_at,
        "can_rotate": rules.can_end_key(request.user, key) and standing.is_working and not key.successor_id,
    }
