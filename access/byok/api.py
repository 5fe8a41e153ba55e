"""`/api/v1/llm/users/{id}/byok`: the keys that a person brings for providers. People change only their own."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.byok import keys as own_keys
from access.models import Actor, OwnKey, Role, User
from access.rules import check_keeps_own_keys, check_sees_own_keys
from lib.serializers import StrictSerializer
from providers.health.connection_api import ConnectionTested, tested_json
from providers.models import Provider

ME = "me"
PROVIDER = OpenApiParameter("provider", description="Id, name or type of a provider; without it all keys are deleted.")
USER = OpenApiParameter("user", location="path", description="`me`, a user's id or a username.")


class OwnKeyUser(serializers.Serializer):
    """The person who owns the keys."""

    id = serializers.IntegerField()
    username = serializers.CharField()


class KeyProvider(serializers.Serializer):
    """A provider that a key can be brought for."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    type = serializers.CharField()


class OwnKeySerializer(serializers.Serializer):
    """A person's own key, by its hint. `error` says why its last test failed."""

    provider = KeyProvider()
    key = serializers.CharField(source="hint")
    may_fall_back = serializers.BooleanField()
    status = serializers.CharField()
    tested_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class OwnKeyPage(serializers.Serializer):
    """All own keys of one person, and the providers that accept one."""

    user = OwnKeyUser()
    keys = OwnKeySerializer(many=True)
    providers = KeyProvider(many=True)


class ProviderNamed(StrictSerializer):
    """A provider by id, name, or type where only one has it."""

    provider = serializers.CharField(max_length=64)


class NewOwnKey(ProviderNamed):
    """A key to store; it replaces the previous one.

    `may_fall_back`: when the provider refuses this key, the system's key and your credits may be used. The default is
    false.
    """

    api_key = serializers.CharField(max_length=4096)
    may_fall_back = serializers.BooleanField(required=False)


class OwnKeyChange(ProviderNamed):
    """The fields of a stored key that may be changed."""

    may_fall_back = serializers.BooleanField()


class OwnKeyStored(serializers.Serializer):
    """The answer to a stored or changed key."""

    success = serializers.BooleanField(default=True)
    key = OwnKeySerializer()


class OwnKeysForgotten(serializers.Serializer):
    """The answer to a deletion, with how many keys it deleted."""

    success = serializers.BooleanField(default=True)
    deleted = serializers.IntegerField()


class OwnKeyList(APIView):
    """The keys of one person."""

    read_role = write_role = Role.STRANGER

    @extend_schema(parameters=[USER], responses=OwnKeyPage, operation_id="list_own_keys")
    def get(self, request: Request, user: str) -> Response:
        person = _person(actor_of(request), user)
        page = {"user": person, "keys": own_keys.own_keys_of(person), "providers": own_keys.providers_in_service()}
        return Response(OwnKeyPage(page).data)

    @extend_schema(
        parameters=[USER],
        request=NewOwnKey,
        responses={201: OwnKeyStored, 200: OwnKeyStored},
        operation_id="store_own_key",
    )
    def post(self, request: Request, user: str) -> Response:
        person, asked = _keeper(actor_of(request), user), NewOwnKey.checked(request.data)
        provider = own_keys.meant(asked["provider"], own_keys.providers_in_service())
        row, is_new = own_keys.store(
            by=actor_of(request),
            user=person,
            provider=provider,
            key=asked["api_key"],
            may_fall_back=asked.get("may_fall_back"),
        )
        return Response(OwnKeyStored({"success": True, "key": row}).data, status=201 if is_new else 200)

    @extend_schema(parameters=[USER], request=OwnKeyChange, responses=OwnKeyStored, operation_id="change_own_key")
    def patch(self, request: Request, user: str) -> Response:
        person, asked = _keeper(actor_of(request), user), OwnKeyChange.checked(request.data)
        row = _own_key(person, asked["provider"])
        own_keys.change(by=actor_of(request), own_key=row, may_fall_back=asked["may_fall_back"])
        return Response(OwnKeyStored({"success": True, "key": row}).data)

    @extend_schema(
        parameters=[USER, PROVIDER], request=None, responses=OwnKeysForgotten, operation_id="forget_own_keys"
    )
    def delete(self, request: Request, user: str) -> Response:
        person, named = _person(actor_of(request), user), _provider_to_forget(request)
        rows = [_own_key(person, named)] if named else list(own_keys.own_keys_of(person))
        for row in rows:
            own_keys.forget(by=actor_of(request), own_key=row)
        return Response({"success": True, "deleted": len(rows)})


class OwnKeyTest(APIView):
    """A real call with a stored key."""

    write_role = Role.STRANGER

    @extend_schema(parameters=[USER], request=ProviderNamed, responses=ConnectionTested, operation_id="test_own_key")
    def post(self, request: Request, user: str) -> Response:
        person, asked = _keeper(actor_of(request), user), ProviderNamed.checked(request.data)
        return Response(tested_json(own_keys.test(by=actor_of(request), own_key=_own_key(person, asked["provider"]))))


def _person(actor: Actor, text: str) -> User:
    """The person behind `me`, an id or a username. Only admins can look up other people."""
    wanted = Q(pk=actor.user_id) if text == ME else Q(pk=int(text)) if _is_id(text) else Q(username=text)
    person = User.objects.filter(wanted).first()
    check_sees_own_keys(actor, person.pk if person else None)
    if person is None:
        raise Http404("There is no user with this id or name." if text != ME else "This key has no owner: name a user.")
    return person


def _keeper(actor: Actor, text: str) -> User:
    """The person, if they are the caller."""
    person = _person(actor, text)
    check_keeps_own_keys(actor, person)
    return person


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def _provider_to_forget(request: Request) -> str | None:
    """From the query or the body; None means all. Raises ValidationError for anything but a name."""
    body = request.data if isinstance(request.data, dict) else {}
    given = {**body, **request.query_params.dict()}
    if set(given) - {"provider"} or not isinstance(given.get("provider", "x"), str):
        raise ValidationError({"provider": "Give the id, name or type of one provider, or nothing to delete all."})
    if given.get("provider") == "":
        raise ValidationError({"provider": "Name a provider, or leave this out to delete all keys."})
    return given.get("provider")


def _own_key(person: User, text: str) -> OwnKey:
    """The person's key for the named provider; raises ValidationError."""
    rows = list(own_keys.own_keys_of(person))
    there: list[Provider] = [row.provider for row in rows]
    provider = own_keys.meant(text, there)
    return next(row for row in rows if row.provider == provider)
