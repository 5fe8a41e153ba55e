"""Our gateway, whose request log can be switched off (SIGUSR1) and on again (SIGUSR2): see `bench/logging_cost.py`.

At SIGHUP it writes how many requests it has answered, and when, into the file that BENCH_ANSWERED names.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from signal import SIGHUP as COUNT
from signal import SIGUSR1 as OFF
from signal import SIGUSR2 as ON
from typing import Any

from routing_console import asgi

answered = 0


async def application(scope: Any, receive: Any, send: Any) -> None:
    """The console, counted."""
    global answered
    await asgi.application(scope, receive, send)
    answered += 1


def _switch(number: int, _frame: object) -> None:
    from gateway import pipeline, records

    pipeline.record = _forget if number == OFF else records.record  # type: ignore[attr-defined]


def _forget(exchange: object) -> None:
    """Instead of `record`."""


def _count(_number: int, _frame: object) -> None:
    with Path(os.environ["BENCH_ANSWERED"]).open("a") as file:
        file.write(f"{answered} {time.perf_counter()}\n")


signal.signal(OFF, _switch)
signal.signal(ON, _switch)
signal.signal(COUNT, _count)
