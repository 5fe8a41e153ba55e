"""A process that writes the request log (`python -m usage.request_log.writer FD`), so that the one that serves need
not.

Python runs one thread at a time: rows that a thread of the server's writes keep its requests waiting.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from usage.request_log.packing import Wire

READY = "ready"
# Where there are more processes than processors, those that somebody waits for go first; it still gets its share.
NICENESS = 5
GC_THRESHOLD = 100_000


def main() -> None:
    """Writes each batch that comes through the pipe and answers with "" or why not; ends with the pipe."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # what ends the server ends the pipe, and not before all is written
    os.nice(NICENESS)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "routing_console.settings")
    django.setup()
    from django.db import DatabaseError, connections

    from usage.request_log.journal import write
    from usage.request_log.key_use import KeyUse
    from usage.request_log.packing import entry_of

    # A batch holds thousands of objects and no cycle, and takes nothing with it that was there before.
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    key_use = KeyUse()
    with Connection(int(sys.argv[1])) as pipe:
        pipe.send(READY)
        while (wires := _next(pipe)) is not None:
            batch = [entry_of(wire) for wire in wires]
            try:
                write(batch)
            except DatabaseError as error:
                connections.close_all()
                pipe.send(str(error) or type(error).__name__)
            else:
                key_use.note(entry.request.key_id for entry in batch)
                pipe.send("")


def _next(pipe: Connection) -> list[Wire] | None:
    """What comes; None once the server is gone."""
    try:
        wires: list[Wire] = pipe.recv()
    except (EOFError, ConnectionError):
        return None
    return wires


if __name__ == "__main__":
    main()
