"""Bearer keys and roles for the REST API."""

from __future__ import annotations

from typing import Any, cast

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from access.client_address import of_request
from access.keys import KeyHolder, hash_key, verify
from access.models import Actor, Role, Scope
from access.rules import check_role, check_scope
from access.throttling import failed_keys


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY`, the master key or an API key."""

    def authenticate(self, request: Request) -> tuple[KeyHolder, str] | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer" or not key.strip():
            raise AuthenticationFailed("Send the key as 'Authorization: Bearer KEY'.")
        address, hashed = of_request(request), hash_key(key.strip())
        if (wait_s := failed_keys.bars_for_s(address)) and not failed_keys.is_good(hashed):
            raise Throttled(wait_s, "Too many wrong keys came from your address.")
        holder = verify(key.strip())
        if holder is None:
            failed_keys.failed(address)
            raise AuthenticationFailed("This key is unknown, revoked or expired.")
        failed_keys.worked(hashed)
        return holder, "bearer"

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def actor_of(request: Request) -> Actor:
    """The caller of an authenticated API request: a signed-in user or the holder of a key."""
    return cast(Actor, request.user)


class HasRole(BasePermission):
    """Reading needs `view.read_role` (viewer), anything else `view.write_role` (admin).

    A key also needs the scope. Rights that are more than a role, such as managing a team, are checked by the actions.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not getattr(request.user, "is_authenticated", False):
            return False
        is_read = request.method in ("GET", "HEAD", "OPTIONS")
        needed = getattr(view, "read_role", Role.VIEWER) if is_read else getattr(view, "write_role", Role.ADMIN)
        actor, what = actor_of(request), "read this" if is_read else "change this"
        check_scope(actor, Scope.READ if is_read else Scope.WRITE, to=what)
        check_role(actor, Role(needed), to=what)
        return True
