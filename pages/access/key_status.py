"""The state of an API key in words: whether it works, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from access.models import ApiKey, KeyStatus

SOON = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class KeyBadge:
    """The state of a key in a word, the colour of its pill (`good`, `warm`, `bad`, `off`), and a reason where
    needed."""

    word: str
    colour: str
    why: str = ""

    @property
    def is_working(self) -> bool:
        return self.colour in ("good", "warm")


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as a line of a table."""

    key: ApiKey
    standing: KeyBadge


ENDED = {
    KeyStatus.REVOKED: KeyBadge("Revoked", "off", "It never works again."),
    KeyStatus.EXPIRED: KeyBadge("Expired", "off", "It has expired."),
    KeyStatus.INACTIVE: KeyBadge("Owner inactive", "bad", "Its owner was deactivated, and their keys with them."),
}


def standing_of(key: ApiKey) -> KeyBadge:
    """The state of the key; reads its owner."""
    if key.status in ENDED:
        return ENDED[key.status]
    if key.successor_id is not None:
        return KeyBadge("Replaced", "warm", "A rotation has put another key in its place; it works until it expires.")
    if key.expires_at is not None and key.expires_at <= timezone.now() + SOON:
        return KeyBadge("Expires soon", "warm", "Rotate it, or choose a later expiry.")
    return KeyBadge("Active", "good")


def lines_of(keys: Iterable[ApiKey]) -> list[KeyRow]:
    """The keys, with their owners, as lines."""
    return [KeyRow(key, standing_of(key)) for key in keys]
