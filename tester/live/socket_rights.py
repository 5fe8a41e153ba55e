"""The right to open a socket: people and keys that may read, but not from another site's page."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast
from urllib.parse import urlsplit

from channels.auth import get_user
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from access.keys import verify
from access.models import Actor, Role, Scope, User
from access.rules import check_role, check_scope
from lib.exceptions import NotAllowed
from tester.live.stored_frames import in_database_thread

ENDED, BROKEN, MISUSED, UNKNOWN, FORBIDDEN, NOT_FOUND = 1000, 1011, 4400, 4401, 4403, 4404


class Closing(Exception):
    """The socket is closed with a code and a reason of at most 123 bytes."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


async def admit(scope: Mapping[str, Any], *, to: str = "watch runs") -> Actor:
    """The caller, by bearer key or session; raises Closing with a reason that names the action `to`."""
    return await _admitted(scope, scope["user"], to)


async def admit_again(scope: Mapping[str, Any], *, to: str = "watch runs") -> Actor:
    """Checks an admitted caller again: keys are revoked, and people sign out or lose rights."""
    # A session object caches its data, so the session is loaded again by its key.
    session = import_module(settings.SESSION_ENGINE).SessionStore(scope["session"].session_key)
    return await _admitted(scope, await get_user({"session": session}), to)


async def _admitted(scope: Mapping[str, Any], user: Any, to: str) -> Actor:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    if b"authorization" in headers:
        actor = await _holder(headers[b"authorization"])
    else:
        actor = _person(user, headers)
    _check_may_read(actor, to)
    return actor


def _check_may_read(actor: Actor, to: str) -> None:
    try:
        check_scope(actor, Scope.READ, to=to)
    except NotAllowed:
        raise Closing(FORBIDDEN, f"To {to} a key needs the scope 'read'.")
    try:
        check_role(actor, Role.VIEWER, to=to)
    except NotAllowed:
        raise Closing(FORBIDDEN, f"To {to} you need the role viewer. Ask an admin.")


async def _holder(authorization: str) -> Actor:
    """A program with a key: no page of another site can make a browser send one."""
    scheme, _, key = authorization.partition(" ")
    holder = await in_database_thread(verify, key.strip()) if scheme.lower() == "bearer" and key.strip() else None
    if holder is None:
        raise Closing(UNKNOWN, "Send 'Authorization: Bearer KEY' with a key that is known, not revoked, not expired.")
    return holder


def _person(user: Any, headers: Mapping[bytes, str]) -> Actor:
    """The signed-in person. Browsers send the cookie from any page, so the page must be ours."""
    if not user.is_authenticated:
        raise Closing(UNKNOWN, "Sign in first, or send 'Authorization: Bearer KEY'.")
    if not is_allowed_origin(headers.get(b"origin", ""), headers.get(b"host", "")):
        raise Closing(FORBIDDEN, "A page of another origin can't watch (settings ALLOWED_HOSTS, CSRF_TRUSTED_ORIGINS).")
    return cast(User, user)


def is_allowed_origin(origin: str, host: str) -> bool:
    """Whether pages of this origin may use a session: our own, those in ALLOWED_HOSTS and CSRF_TRUSTED_ORIGINS.

    A `*` in ALLOWED_HOSTS names no host: then only our own pages may. Another port of our host is another origin, which
    gets our cookies all the same: only CSRF_TRUSTED_ORIGINS can name it.
    """
    place = urlsplit(origin).netloc.lower()
    named = [name for name in settings.ALLOWED_HOSTS if name != "*"]
    is_ours = bool(place) and place == host.lower() and _is_host(place, settings.ALLOWED_HOSTS)
    has_usual_port = not split_domain_port(place)[1]
    return is_ours or (has_usual_port and _is_host(place, named)) or origin in settings.CSRF_TRUSTED_ORIGINS


def _is_host(place: str, allowed: list[str]) -> bool:
    domain, _ = split_domain_port(place)
    return bool(domain) and validate_host(domain, allowed)
