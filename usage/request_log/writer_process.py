"""The server's handle of the process that writes the request log: see `usage/request_log/writer.py`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import Pipe

from django.conf import settings
from django.db import DatabaseError

from usage.request_log.packing import Wire

COMMAND = (sys.executable, "-m", "usage.request_log.writer")
# Longer than a database waits for a lock.
ANSWER_TIMEOUT_S = 60.0
END_TIMEOUT_S = 30.0


class WriterGone(Exception):
    """The process has ended, or does not answer. The last batch may or may not be written."""


class WriterProcess:
    """Starts at once; accepts batches once it `is_ready`. Not thread-safe."""

    def __init__(self) -> None:
        self._pipe, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [*COMMAND, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=settings.BASE_DIR,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the server; the writer ends with its pipe
            )
        self.has_begun = False

    @property
    def is_ready(self) -> bool:
        """Whether it has started. Raises WriterGone if it could not."""
        if not self.has_begun and self._pipe.poll():
            self.has_begun = bool(self._receive())
        return self.has_begun

    def write(self, batch: Sequence[Wire]) -> None:
        """Writes a batch. Raises DatabaseError if the database refused it, WriterGone if the result is unknown."""
        try:
            self._pipe.send(batch)
        except OSError as error:
            raise WriterGone(str(error)) from error
        if trouble := self._receive():
            raise DatabaseError(trouble)

    def end(self) -> None:
        """Lets it finish, within a time limit; one that has not begun has nothing to finish, and ends at once."""
        self._pipe.close()
        if self.has_begun:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_TIMEOUT_S)
        self.kill()

    def kill(self) -> None:
        """Ends it at once."""
        self._pipe.close()
        self._process.kill()
        self._process.wait()

    def _receive(self) -> str:
        try:
            if self._pipe.poll(ANSWER_TIMEOUT_S):
                return str(self._pipe.recv())
        except (EOFError, OSError) as error:
            raise WriterGone("it has ended") from error
        raise WriterGone(f"no answer for {ANSWER_TIMEOUT_S:g} s")
