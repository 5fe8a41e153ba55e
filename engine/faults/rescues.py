"""How often a stream that broke can be rescued in a rehearsal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine import fields
from engine.fields import Share

# Measured with a real small model (docs/adr/0021-streams-that-break-are-rescued.md). Restarts: those at temperature 1,
# the default of most providers; at temperature 0 all of them said the same again.
CONTINUED_SHARE, RESTARTED_SHARE = 1.0, 0.05
# Another answer differs from the first one after a few tokens.
DIFFERS_AFTER_TOKENS = 5


@dataclass(frozen=True, slots=True)
class RescueShares:
    """`continued`: the share of begun answers that a deployment takes and goes on with (assistant prefill); it refuses
    the others. `restarted`: the share of answers that, begun again, say word for word what the caller has."""

    continued: Share = CONTINUED_SHARE
    restarted: Share = RESTARTED_SHARE

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return fields.written(self)

    @classmethod
    def from_json(cls, data: object, *, path: str = "rescue") -> RescueShares:
        """The shares that `to_json` described, the others by default; raises BadInput."""
        return fields.read(cls, data, path)
