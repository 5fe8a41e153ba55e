"""Sign in as `admin` with the master key, so that a fresh installation has a way in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from access.keys import is_master
from access.models import MASTER_USER, Role, User


class MasterKeyBackend(ModelBackend):
    """User `admin`, password = ROUTING_CONSOLE_MASTER_KEY: an admin without a password of its own."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        if username != MASTER_USER or not password or not is_master(password):
            return None
        user, is_new = User.objects.get_or_create(username=MASTER_USER, defaults={"role": Role.ADMIN, "is_staff": True})
        if is_new:
            user.set_unusable_password()
            user.save()
        return user if user.is_active else None
