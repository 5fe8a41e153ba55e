"""Filters of the request log that people keep."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from access.models import User

LONGEST_NAME = 60


class SavedFilter(models.Model):
    """A filter of the request log under a name of its person, who alone sees it; `query` is that of its address."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_filters")
    name = models.CharField(max_length=LONGEST_NAME)
    query = models.CharField(max_length=2048)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["person", "name"], name="saved_filter_named_once")]

    def __str__(self) -> str:
        return self.name
