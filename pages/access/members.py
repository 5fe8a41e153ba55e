"""The members of a team: the actions of its page."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.views.decorators.http import require_POST

from access import actions
from access.models import Membership, Role, Team, TeamRole
from pages.access.forms.teams import MemberForm, MemberRoleForm
from pages.access.teams import PAGE, team_context
from pages.dialogs import refusals_told
from pages.guards import PersonRequest, requires
from pages.parts import Question, ask, page_or_part, wants_part

members_only = requires(Role.VIEWER, to="manage members")


@require_POST
@members_only
def member_add(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Adds a member to the team."""
    team = get_object_or_404(Team, pk=team_id)
    form = MemberForm(request.POST)
    if not form.accepted(lambda: actions.add_member(by=request.user, team=team, **form.member())):
        return _members(request, team, form=form)
    messages.success(request, f"{form.cleaned_data['user'].username} is in the team.")
    return _answer(request, team)


@require_POST
@members_only
def member_change(request: PersonRequest, team_id: UUID, member_id: int) -> HttpResponse:
    """Gives a member another role."""
    member = _member(team_id, member_id)
    form = MemberRoleForm(request.POST)
    if form.is_valid():
        role = TeamRole(form.cleaned_data["role"])
        with refusals_told(request):
            actions.change_member(by=request.user, membership=member, role=role)
            messages.success(request, f"{member.user.username} is a {role.label.lower()} now.")
    else:
        messages.error(request, "There is no such role in a team. Choose member or manager.")
    return _answer(request, member.team)


@require_POST
@members_only
def member_remove(request: PersonRequest, team_id: UUID, member_id: int) -> HttpResponse:
    """Asks, then removes a member from the team."""
    member = _member(team_id, member_id)
    if "sure" not in request.POST:
        return ask(request, _question(member))
    actions.remove_member(by=request.user, membership=member)
    messages.success(request, f"{member.user.username} is no longer in the team.")
    return redirect("team-detail", team_id)


def _member(team_id: UUID, member_id: int) -> Membership:
    rows = Membership.objects.select_related("team", "user")
    return get_object_or_404(rows, pk=member_id, team_id=team_id)


def _answer(request: PersonRequest, team: Team) -> HttpResponse:
    return _members(request, team) if wants_part(request) else redirect("team-detail", team.pk)


def _members(request: PersonRequest, team: Team, *, form: MemberForm | None = None) -> HttpResponse:
    context, status = team_context(request, team, form=form), form.status if form else 200
    return page_or_part(request, PAGE, "team-members", context, status=status)


def _question(member: Membership) -> Question:
    keys = member.team.api_keys.usable().filter(owner=member.user).count()
    working = [f"{keys} API key{'' if keys == 1 else 's'} of the team that this person owns"] if keys else []
    return Question(
        title=f"Take {member.user.username} out of {member.team.name}?",
        lost=(f"the membership of {member.user.username}", *working),
        consequence="Their personal keys go on working, but no longer see the team's groups.",
        button="Take out",
        back=resolve_url("team-detail", member.team_id),
    )
