"""Who may see usage: viewers and above see everything, others their own requests."""

from __future__ import annotations

from access.models import Actor
from access.rules import can_read
from lib.exceptions import NotAllowed
from usage.models import RequestRecord


def owner_seen_by(reader: Actor) -> str:
    """The only owner whose requests this reader may see; "" for everybody's."""
    return "" if can_read(reader) else reader.name


def check_may_see(record: RequestRecord, *, reader: Actor) -> None:
    """Raises NotAllowed for the request of somebody else, unless the reader is at least a viewer."""
    if owner_seen_by(reader) not in ("", record.owner):
        raise NotAllowed("This request was made by somebody else; reading it takes the role viewer. Ask an admin.")
