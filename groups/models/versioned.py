"""Rows that people and programs edit at the same time: their author, last editor and version."""

from __future__ import annotations

import uuid

from django.db import models


class Versioned(models.Model):
    """A row whose `revision` grows with every save, so that nobody overwrites an unseen change."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=150, editable=False)

    class Meta:
        abstract = True

    @property
    def etag(self) -> str:
        """The version tag of `GET`, `PUT` and `PATCH`; changes with every save."""
        return f'"{self.id.hex}-{self.revision}"'
