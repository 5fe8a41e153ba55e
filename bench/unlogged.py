"""Our gateway without its request log, to see what that costs (see `bench/logging_cost.py`)."""

from __future__ import annotations

from routing_console.asgi import application
from usage.recorder import Recorder

__all__ = ["application"]


def _forget(self: Recorder, record: object, settlement: object = None) -> None:
    """Instead of `Recorder.put`."""


Recorder.put = _forget  # type: ignore[method-assign]
