"""Responses that providers keep, and whose they are. Nothing of what they say is here."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

LONGEST_ID = 200


class StoredResponse(models.Model):
    """A response that a provider keeps for a caller.

    `key` is made of the provider and the response's id (`key_of`). It belongs to `owner_key`, the first key of a
    rotation (empty for the master key), while that is a key of `team_id`. `own_key` is the fingerprint of the caller's
    own key for the provider, with which it was made; empty for the system's.
    """

    key = models.CharField(max_length=64, primary_key=True)
    response_id = models.CharField(max_length=LONGEST_ID, db_index=True)
    owner_key = models.CharField(max_length=64)
    team_id = models.CharField(max_length=64)
    provider_id = models.CharField(max_length=64)
    deployment_id = models.CharField(max_length=64)
    deployment_name = models.CharField(max_length=512)
    model = models.CharField(max_length=256)
    own_key = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return self.response_id


class StoredItem(models.Model):
    """An item of a stored response: later requests may refer to it by its id."""

    key = models.CharField(max_length=64, primary_key=True)
    item_id = models.CharField(max_length=LONGEST_ID, db_index=True)
    response = models.ForeignKey(StoredResponse, on_delete=models.CASCADE, related_name="items")

    def __str__(self) -> str:
        return self.item_id
