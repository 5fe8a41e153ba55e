"""`/api/v1/llm/keys`: admins see all keys, managers those of their teams, others their own. See `access/rules.py`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access import actions
from access import serializers as shapes
from access.authentication import actor_of
from access.lists import keys_in_order
from access.models import Actor, ApiKey, Role, Team, User
from access.rules import visible_keys
from lib.serializers import errors_named, page_answer, row_or_404


class KeyList(APIView):
    """The API keys that the caller may see."""

    write_role = Role.VIEWER

    @extend_schema(parameters=[shapes.KeyQuery], responses=shapes.KeyPage, operation_id="list_keys")
    def get(self, request: Request) -> Response:
        filters, page = shapes.KeyQuery.filters_and_page(request.query_params)
        rows = keys_in_order(visible_keys(actor_of(request)).matching(**filters))
        return page_answer("keys", rows, shapes.KeySerializer, **page)

    @sensitive_variables("plaintext")
    @extend_schema(request=shapes.KeySerializer, responses={201: shapes.KeyIssued}, operation_id="issue_key")
    def post(self, request: Request) -> Response:
        asked = shapes.KeySerializer.checked(request.data)
        with errors_named():
            key, plaintext = actions.issue_key(by=actor_of(request), **_wanted(asked, actor_of(request)))
        return Response(shapes.issued_json(key, plaintext), status=201)


class KeyDetail(APIView):
    """One API key."""

    write_role = Role.VIEWER

    @extend_schema(responses=shapes.KeySerializer, operation_id="read_key")
    def get(self, request: Request, key_id: str) -> Response:
        return Response(shapes.KeySerializer(_key(request, key_id)).data)

    @extend_schema(request=shapes.KeyChange(partial=True), responses=shapes.KeySerializer, operation_id="change_key")
    def patch(self, request: Request, key_id: str) -> Response:
        key = _key(request, key_id)
        fields = shapes.KeyChange.checked(request.data, partial=True)
        with errors_named():
            key = actions.change_key(by=actor_of(request), key=key, **fields)
        return Response(shapes.KeySerializer(key).data)

    @extend_schema(responses=shapes.KeySerializer, operation_id="revoke_key", description="Ends the key for good.")
    def delete(self, request: Request, key_id: str) -> Response:
        key = actions.revoke_key(by=actor_of(request), key=_key(request, key_id))
        return Response(shapes.KeySerializer(key).data)


class KeyRotation(APIView):
    """Replaces a key by a new one."""

    write_role = Role.VIEWER

    @sensitive_variables("plaintext")
    @extend_schema(request=shapes.Rotation, responses={201: shapes.KeyIssued}, operation_id="rotate_key")
    def post(self, request: Request, key_id: str) -> Response:
        key = _key(request, key_id)
        overlap = timedelta(hours=shapes.Rotation.checked(request.data)["overlap_hours"])
        with errors_named(overlap="overlap_hours"):
            successor, plaintext = actions.rotate_key(by=actor_of(request), key=key, overlap=overlap)
        return Response(shapes.issued_json(successor, plaintext), status=201)


def _key(request: Request, key_id: str) -> ApiKey:
    return row_or_404(visible_keys(actor_of(request)).select_related("owner", "team"), key_id)


def _wanted(asked: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """The fields of a key as `issue_key` takes them; raises ValidationError for an unknown team, or a key without an
    owner."""
    named, team, owner = asked["team"], None, asked.get("owner")
    if named and (team := Team.objects.called(named).first()) is None:
        raise ValidationError({"team": [f"There is no team '{named}'. Give its id or its name."]})
    if owner is None and (owner := User.objects.filter(pk=actor.user_id or 0).first()) is None:
        raise ValidationError({"owner": ["Say whose key it is: a username or an id."]})
    return {**asked, "team": team, "owner": owner}
