"""Makes, opens and revokes links to the traffic of a group.

A token is the signed id of its row: nobody can guess or change one, and a row that is expired or revoked opens nothing.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.db.transaction import atomic
from django.utils import timezone

from access.models import Actor
from groups.exceptions import TooManyLinks
from groups.models import RoutingGroup, SharedLink
from groups.rules import check_can_edit

LONGEST = timedelta(days=90)
MOST_LINKS = 20
# Rows of links that no longer open stay for so long.
KEPT_FOR = timedelta(days=30)
_signer = Signer(salt="groups.sharing")


@atomic
def share_group(*, by: Actor, group: RoutingGroup, length: timedelta) -> SharedLink:
    """A new link for so long; operators only."""
    check_can_edit(by)
    now = timezone.now()
    SharedLink.objects.filter(expires_at__lt=now - KEPT_FOR).delete()
    if SharedLink.objects.usable().filter(group_id=group.pk).count() >= MOST_LINKS:
        raise TooManyLinks(group.name, MOST_LINKS)
    return SharedLink.objects.create(group_id=group.pk, created_by=by.name, expires_at=now + min(length, LONGEST))


def revoke_link(*, by: Actor, link: SharedLink) -> None:
    """The link opens nothing from now on; operators only."""
    check_can_edit(by)
    SharedLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=timezone.now(), revoked_by=by.name)


def token_of(link: SharedLink) -> str:
    """The part of the address that opens it."""
    return _signer.sign(link.pk.hex)


def link_of(token: str) -> SharedLink | None:
    """The link of a token; None if it is not one of ours, expired or revoked. No query for a forged one."""
    try:
        pk = UUID(_signer.unsign(token))
    except (BadSignature, ValueError):
        return None
    return SharedLink.objects.usable().filter(pk=pk).first()
