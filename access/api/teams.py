"""`/api/v1/llm/teams`: viewers read, admins write; managers choose the members of their teams."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access import actions
from access import serializers as shapes
from access.authentication import actor_of
from access.lists import teams_matching
from access.models import Membership, Role, Team, User
from lib.serializers import PageQuery, errors_named, page_answer, row_or_404

USER = OpenApiParameter("user", location="path", description="A username or an id.")


class TeamList(APIView):
    """All teams."""

    @extend_schema(parameters=[PageQuery], responses=shapes.TeamPage, operation_id="list_teams")
    def get(self, request: Request) -> Response:
        filters, page = PageQuery.filters_and_page(request.query_params)
        return page_answer("teams", teams_matching(**filters), shapes.TeamSerializer, **page)

    @extend_schema(request=shapes.TeamSerializer, responses={201: shapes.TeamWithMembers}, operation_id="create_team")
    def post(self, request: Request) -> Response:
        fields = shapes.TeamSerializer.checked(request.data)
        with errors_named(row="name"):
            team = actions.create_team(by=actor_of(request), **fields)
        return _answer(team.pk, status=201)


class TeamDetail(APIView):
    """One team."""

    @extend_schema(responses=shapes.TeamWithMembers, operation_id="read_team")
    def get(self, request: Request, team_id: str) -> Response:
        return _answer(team_id)

    @extend_schema(methods=["PUT"], operation_id="replace_team", request=shapes.TeamSerializer)
    @extend_schema(methods=["PATCH"], operation_id="change_team", request=shapes.TeamSerializer(partial=True))
    @extend_schema(responses=shapes.TeamWithMembers)
    def put(self, request: Request, team_id: str) -> Response:
        team = _team(team_id)
        fields = shapes.TeamSerializer.checked(request.data, partial=request.method == "PATCH")
        with errors_named(row="name"):
            actions.change_team(by=actor_of(request), team=team, **fields)
        return _answer(team_id)

    patch = put

    @extend_schema(responses=shapes.TeamDeleted, operation_id="delete_team")
    def delete(self, request: Request, team_id: str) -> Response:
        team = _team(team_id)
        answer = {"success": True, "id": str(team.id), "deleted": True}
        actions.delete_team(by=actor_of(request), team=team)
        return Response(answer)


class MemberList(APIView):
    """The members of a team."""

    write_role = Role.VIEWER

    @extend_schema(parameters=[PageQuery], responses=shapes.MemberPage, operation_id="list_members")
    def get(self, request: Request, team_id: str) -> Response:
        filters, page = PageQuery.filters_and_page(request.query_params)
        rows = _members(team_id).filter(user__username__icontains=filters["q"])
        return page_answer("members", rows, shapes.MemberSerializer, **page)

    @extend_schema(request=shapes.MemberSerializer, responses={201: shapes.MemberSerializer}, operation_id="add_member")
    def post(self, request: Request, team_id: str) -> Response:
        team = _team(team_id)
        fields = shapes.MemberSerializer.checked(request.data)
        with errors_named(row="user"):
            membership = actions.add_member(by=actor_of(request), team=team, **fields)
        return Response(shapes.MemberSerializer(membership).data, status=201)


class MemberDetail(APIView):
    """One person in a team."""

    write_role = Role.VIEWER

    @extend_schema(
        parameters=[USER], request=shapes.MemberChange, responses=shapes.MemberSerializer, operation_id="change_member"
    )
    def patch(self, request: Request, team_id: str, user: str) -> Response:
        membership = _member(team_id, user)
        fields = shapes.MemberChange.checked(request.data)
        actions.change_member(by=actor_of(request), membership=membership, **fields)
        return Response(shapes.MemberSerializer(membership).data)

    @extend_schema(parameters=[USER], responses=shapes.MemberRemoved, operation_id="remove_member")
    def delete(self, request: Request, team_id: str, user: str) -> Response:
        membership = _member(team_id, user)
        actions.remove_member(by=actor_of(request), membership=membership)
        return Response({"success": True, "user": membership.user.username, "deleted": True})


def _team(team_id: str) -> Team:
    return row_or_404(Team.objects.all(), team_id)


def _members(team_id: str) -> QuerySet[Membership]:
    return Membership.objects.filter(team=_team(team_id)).select_related("user", "team")


def _member(team_id: str, user: str) -> Membership:
    membership = _members(team_id).filter(user=User.objects.called(user)).first()
    if membership is None:
        raise Http404(f"There is nobody called '{user}' in this team.")
    return membership


def _answer(team_id: object, *, status: int = 200) -> Response:
    team = row_or_404(teams_matching().prefetch_related("memberships__user"), str(team_id))
    return Response(shapes.TeamWithMembers(team).data, status=status)
