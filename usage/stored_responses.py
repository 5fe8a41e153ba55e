"""Who owns which response that a provider keeps: written by the gateway, read before anything is asked of it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.db.transaction import atomic
from django.utils import timezone

from access.keys import KeyHolder
from usage.models import StoredItem, StoredResponse

COLUMNS = [f.name for f in StoredResponse._meta.concrete_fields if not f.primary_key]
ROWS_AT_ONCE = 1000


def key_of(provider_id: str, id: str) -> str:
    """The primary key of an id that a provider has given: two providers may give the same."""
    return hashlib.sha256(f"{provider_id}/{id}".encode()).hexdigest()


@atomic
def keep(rows: Iterable[tuple[StoredResponse, Sequence[str]]]) -> None:
    """Writes responses with the ids of their items, again or for the first time.

    A provider that gives an id a second time keeps something else under it now: it belongs to the last one.
    """
    last = {row.key: (row, items) for row, items in rows}
    StoredResponse.objects.bulk_create(
        [row for row, _ in last.values()], update_conflicts=True, unique_fields=["key"], update_fields=COLUMNS
    )
    items = {
        (key := key_of(row.provider_id, item_id)): StoredItem(key=key, item_id=item_id, response=row)
        for row, ids in last.values()
        for item_id in ids
    }
    if items:
        StoredItem.objects.bulk_create(
            items.values(), update_conflicts=True, unique_fields=["key"], update_fields=["item_id", "response"]
        )


def is_of(row: StoredResponse, holder: KeyHolder) -> bool:
    """Whether a response belongs to this key: it made it, or came in place of the key that did, in the same team."""
    return (row.owner_key, row.team_id) == (holder.first_key_id, holder.team_id)


def find(holder: KeyHolder, response_id: str) -> StoredResponse | None:
    """The holder's response of this id; None for another's, as for one that there is not."""
    return _owned(holder).filter(response_id=response_id).order_by("-created_at").first()


def holders_of(holder: KeyHolder, item_ids: Collection[str]) -> dict[str, StoredResponse]:
    """The responses of the holder that these items belong to, by the items' ids; others are left out."""
    rows = StoredItem.objects.filter(item_id__in=item_ids, response__in=_owned(holder)).select_related("response")
    return {row.item_id: row.response for row in rows.order_by("response__created_at")}


def forget(row: StoredResponse) -> None:
    """It is deleted at its provider."""
    StoredResponse.objects.filter(pk=row.pk).delete()


def forget_old() -> None:
    """Deletes what is older than STORED_RESPONSES_DAYS, in small parts."""
    old = StoredResponse.objects.filter(created_at__lt=_oldest()).order_by("created_at").values_list("pk", flat=True)
    while part := list(old[:ROWS_AT_ONCE]):
        StoredResponse.objects.filter(pk__in=part).delete()


def _owned(holder: KeyHolder) -> QuerySet[StoredResponse]:
    return StoredResponse.objects.filter(
        owner_key=holder.first_key_id, team_id=holder.team_id, created_at__gte=_oldest()
    )


def _oldest() -> datetime:
    return timezone.now() - timedelta(days=settings.STORED_RESPONSES_DAYS)
