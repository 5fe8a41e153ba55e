"""Our gateway, whose request log can be switched off (SIGUSR1) and on again (SIGUSR2): see `bench/logging_cost.py`."""

from __future__ import annotations

import signal
from signal import SIGUSR1 as OFF
from signal import SIGUSR2 as ON

from routing_console.asgi import application
from usage.recorder import Recorder

__all__ = ["application"]

_keep = Recorder.put


def _forget(self: Recorder, record: object, settlement: object = None) -> None:
    """Instead of `Recorder.put`."""


def _switch(number: int, _frame: object) -> None:
    Recorder.put = _forget if number == OFF else _keep  # type: ignore[method-assign]


for number in (OFF, ON):
    signal.signal(number, _switch)
