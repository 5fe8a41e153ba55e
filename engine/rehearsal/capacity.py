"""What an upstream can take at a time: slots, a queue before them, and speeds that all requests share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from engine import fields
from engine.fields import Between

MOST_SLOTS, MOST_QUEUED = 100_000, 1_000_000
Slots = Annotated[int, Between(1, MOST_SLOTS)]
Queue = Annotated[int, Between(0, MOST_QUEUED)]
Speed = Annotated[float, Between(0.001, 1_000_000_000)]


@dataclass(frozen=True, slots=True)
class Capacity:
    """It serves `slots` requests at a time; up to `queue` more wait for one, the others are told 429 (None: all are).

    Prompts are read with `prefill_tokens_per_s` and answers written with `decode_tokens_per_s`, both shared evenly
    among the requests in the slots (None: each has its own full speed).
    """

    slots: Slots
    queue: Queue | None = None
    prefill_tokens_per_s: Speed | None = None
    decode_tokens_per_s: Speed | None = None

    @classmethod
    def from_json(cls, data: object, *, path: str = "capacity") -> Capacity:
        """The capacity in a JSON object; raises BadInput."""
        return fields.read(cls, data, path)


UNLIMITED = Capacity(MOST_SLOTS)
