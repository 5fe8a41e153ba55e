"""The pages of the teams: the list, one team, its form."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from access import actions, rules
from access.credits.rules import can_see
from access.credits.statements import summary_of
from access.lists import names_of_people, teams_matching
from access.models import Role, Team, TeamRole
from lib.exceptions import DomainError
from pages.access.forms.teams import MemberForm, TeamForm
from pages.access.key_status import lines_of
from pages.guards import PersonRequest, requires
from pages.parts import Question, ask, page_of, page_or_part, words_in

LIST, PAGE, FORM = "access/team_list.html", "access/team_detail.html", "access/team_form.html"
PAGE_SIZE = 20
KEYS_SHOWN = 10
readers_only = requires(Role.VIEWER, to="see teams")
editors_only = requires(Role.ADMIN, to="make and change teams")


@require_safe
@vary_on_headers("HX-Request")
@readers_only
def team_list(request: PersonRequest) -> HttpResponse:
    """All teams; the URL has search and page."""
    text = words_in(request)
    context = {
        "text": text,
        "page": page_of(request, teams_matching(text), PAGE_SIZE),
        "query": urlencode({"q": text}) if text else "",
        "can_edit": rules.has_role(request.user, Role.ADMIN),
    }
    return page_or_part(request, LIST, "team-rows", context)


@require_safe
@readers_only
def team_detail(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """One team: its members, its keys, the groups assigned to it."""
    team = get_object_or_404(Team, pk=team_id)
    return render(request, PAGE, team_context(request, team))


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def team_new(request: PersonRequest) -> HttpResponseBase:
    """An empty form; POST creates the team."""
    return _saved(request, None) if request.method == "POST" else _form_page(request, TeamForm(), None)


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def team_edit(request: PersonRequest, team_id: UUID) -> HttpResponseBase:
    """A stored team as a form; POST saves it."""
    team = get_object_or_404(Team, pk=team_id)
    return _saved(request, team) if request.method == "POST" else _form_page(request, TeamForm.of(team), team)


@require_POST
@editors_only
def team_delete(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Asks, naming what will be lost; with `sure` it deletes."""
    team = get_object_or_404(Team, pk=team_id)
    if "sure" not in request.POST:
        return ask(request, _question(team))
    try:
        actions.delete_team(by=request.user, team=team)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("team-detail", team_id)
    messages.success(request, f"The team {team.name} is deleted.")
    return redirect("team-list")


def team_context(request: PersonRequest, team: Team, *, form: MemberForm | None = None) -> dict[str, Any]:
    """The context of the page of a team; with its newest working keys."""
    is_managed = rules.can_manage_team(request.user, team)
    keys = team.api_keys.usable().select_related("owner", "team")
    return {
        "team": team,
        "form": form or MemberForm(),
        "members": team.memberships.select_related("user"),
        "team_roles": TeamRole.choices,
        "people": names_of_people(outside=team) if is_managed else [],
        "keys": lines_of(keys[:KEYS_SHOWN]) if is_managed else [],
        "key_count": keys.count(),
        "credits": summary_of(team) if can_see(request.user, team) else None,
        "can_manage": is_managed,
        "can_edit": rules.has_role(request.user, Role.ADMIN),
    }


def _saved(request: PersonRequest, team: Team | None) -> HttpResponseBase:
    form = TeamForm(request.POST)
    saved = form.accepted(lambda: _stored(request, team, form))
    if saved is None:
        return _form_page(request, form, team)
    messages.success(request, f"The team {saved.name} is saved.")
    return redirect("team-detail", saved.pk)


def _stored(request: PersonRequest, team: Team | None, form: TeamForm) -> Team:
    if team is None:
        return actions.create_team(by=request.user, **form.cleaned_data)
    return actions.change_team(by=request.user, team=team, **form.cleaned_data)


def _form_page(request: PersonRequest, form: TeamForm, team: Team | None) -> HttpResponse:
    action = resolve_url("team-edit", team.pk) if team else resolve_url("team-new")
    return render(request, FORM, {"form": form, "team": team, "action": action}, status=form.status)


def _question(team: Team) -> Question:
    keys = team.api_keys.usable().count()
    members = team.memberships.count()
    counted = [f"{members} membership{'' if members == 1 else 's'}"] if members else []
    working = [f"{keys} API key{'' if keys == 1 else 's'}, revoked at once"] if keys else []
    return Question(
        title=f"Delete the team {team.name}?",
        lost=(f"the team {team.name}", *counted, *working),
        consequence="Its members stay, without it. Groups that are assigned only to this team can't be "
        "called by anybody until they are assigned again.",
        button="Delete team",
        back=resolve_url("team-detail", team.pk),
    )
