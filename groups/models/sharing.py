"""Links to the traffic of a group that open without a sign-in."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone


class SharedLinkQuerySet(models.QuerySet["SharedLink"]):
    def usable(self) -> SharedLinkQuerySet:
        """Links that open: neither expired nor revoked."""
        return self.filter(revoked_at=None, expires_at__gt=timezone.now())


class SharedLink(models.Model):
    """A read-only link to the page of one group's traffic, until it expires or somebody revokes it.

    By the group's id, not a foreign key: a deletion that is undone brings its links back.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group_id = models.UUIDField(db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=150, blank=True, default="")

    objects = SharedLinkQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.group_id} until {self.expires_at:%Y-%m-%d %H:%M} UTC"
