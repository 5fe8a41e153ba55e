"""A separate process that writes the request log (`python -m usage.request_log.writer FD`).

Python runs one thread at a time, so that writing in a thread of the server would delay its requests.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import django
from django.conf import settings

if TYPE_CHECKING:
    from usage.request_log.packing import Wire

READY = "ready"
# If processors are scarce, processes with waiting users go first; this one still gets its share.
NICENESS = 5
GC_THRESHOLD = 100_000


def main() -> None:
    """Writes each batch from the pipe and answers "" or the error; ends with the pipe."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the end of the server closes the pipe, and everything is written before
    os.nice(NICENESS)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "routing_console.settings")
    # It serves nothing, and what this one imports takes 20 MB.
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "daphne"]
    django.setup()
    from django.db import DatabaseError, connections

    from usage.request_log.journal import write
    from usage.request_log.key_use import KeyUse
    from usage.request_log.packing import entries_of

    # A batch has thousands of objects and no cycles, so the collector would find nothing.
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    key_use = KeyUse()
    with Connection(int(sys.argv[1])) as pipe:
        pipe.send(READY)
        while (wires := _next(pipe)) is not None:
            batch = entries_of(wires)
            try:
                write(batch)
            except DatabaseError as error:
                connections.close_all()
                pipe.send(str(error) or type(error).__name__)
            else:
                key_use.note(entry.request.key_id for entry in batch)
                pipe.send("")


def _next(pipe: Connection) -> list[Wire] | None:
    """The next batch; None once the server is gone."""
    try:
        wires: list[Wire] = pipe.recv()
    except (EOFError, ConnectionError):
        return None
    return wires


if __name__ == "__main__":
    main()
