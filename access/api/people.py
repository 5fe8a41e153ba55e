"""`/api/v1/llm/users`: for admins."""

from __future__ import annotations

from django.db.transaction import atomic
from django.http import Http404
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access import actions
from access import serializers as shapes
from access.authentication import actor_of
from access.lists import people_matching
from access.models import Role, User
from lib.serializers import errors_named, page_answer

USER = OpenApiParameter("user", location="path", description="An id or a username.")


class UserList(APIView):
    """The people who may sign in."""

    read_role = Role.ADMIN

    @extend_schema(parameters=[shapes.UserQuery], responses=shapes.UserPage, operation_id="list_users")
    def get(self, request: Request) -> Response:
        filters, page = shapes.UserQuery.filters_and_page(request.query_params)
        return page_answer("users", people_matching(filters), shapes.UserSerializer, **page)

    @sensitive_variables("fields")
    @extend_schema(request=shapes.UserSerializer, responses={201: shapes.UserSerializer}, operation_id="create_user")
    def post(self, request: Request) -> Response:
        fields = shapes.UserSerializer.checked(request.data)
        with errors_named(row="password"):
            person = actions.create_user(by=actor_of(request), **fields)
        return Response(shapes.UserSerializer(person).data, status=201)


class UserDetail(APIView):
    """One person."""

    read_role = Role.ADMIN

    @extend_schema(parameters=[USER], responses=shapes.UserSerializer, operation_id="read_user")
    def get(self, request: Request, user: str) -> Response:
        return Response(shapes.UserSerializer(_person(user)).data)

    @extend_schema(
        parameters=[USER],
        request=shapes.UserChange(partial=True),
        responses=shapes.UserSerializer,
        operation_id="change_user",
    )
    @atomic
    def patch(self, request: Request, user: str) -> Response:
        person, by = _person(user), actor_of(request)
        said = shapes.UserChange.checked(request.data, partial=True)
        if "role" in said:
            actions.set_role(by=by, user=person, role=said["role"])
        if "is_active" in said:
            actions.set_active(by=by, user=person, is_active=said["is_active"])
        if limits := {name: said[name] for name in ("rpm", "tpm") if name in said}:
            actions.set_limits(by=by, user=person, **{"rpm": person.rpm, "tpm": person.tpm, **limits})
        return Response(shapes.UserSerializer(person).data)


def _person(user: str) -> User:
    person = User.objects.called(user)
    if person is None:
        raise Http404(f"There is nobody called '{user}'.")
    return person
