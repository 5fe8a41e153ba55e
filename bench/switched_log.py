"""Our gateway, whose request log can be switched off (SIGUSR1) and on again (SIGUSR2): see `bench/logging_cost.py`."""

from __future__ import annotations

import signal
from signal import SIGUSR1 as OFF
from signal import SIGUSR2 as ON

from routing_console.asgi import application

__all__ = ["application"]


def _switch(number: int, _frame: object) -> None:
    from gateway import pipeline, records

    pipeline.record = _forget if number == OFF else records.record  # type: ignore[attr-defined]


def _forget(exchange: object) -> None:
    """Instead of `record`."""


for number in (OFF, ON):
    signal.signal(number, _switch)
