"""One process that runs rehearsals (`python -m engine.rehearsal.worker`): JSON lines over non-blocking pipes."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import IO, Any

import structlog
from django.conf import settings
from pydantic_core import from_json, to_json

from tester.exceptions import RunBroken

log = structlog.get_logger(__name__)

Message = dict[str, Any]

COMMAND = (sys.executable, "-m", "engine.rehearsal.worker")
# The variables that a Python process needs; without our secrets.
ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV")
PIECE_BYTES = 1 << 16
LONGEST_LINE_BYTES = 1 << 26
UNREADABLE = "The rehearsal process sent an invalid message. Its log lines may say why."


class WorkerProcess:
    """Starts at once and accepts a job before it is warm, that is, before its first message. Not thread-safe."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=settings.BASE_DIR,
            env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
            start_new_session=True,  # Ctrl-C is for this process; the worker ends with its input
        )
        self._input, self._output = _pipe(self._process.stdin), _pipe(self._process.stdout)
        for pipe in (self._input, self._output):
            os.set_blocking(pipe.fileno(), False)
        self._unsent = bytearray()
        self._unread = bytearray()
        self._is_killed = False
        self.is_warm = False
        threading.Thread(target=_log_lines, args=(_pipe(self._process.stderr), self.pid), daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_usable(self) -> bool:
        """Whether it is alive and can get another job."""
        return not self._is_killed and self._process.poll() is None

    def run(self, job: Message) -> None:
        """Sends a job; `receive` returns its messages."""
        self._send({"run": job})

    def cancel(self) -> None:
        """Asks it to end its job early."""
        self._send({"cancel": True})

    def kill(self) -> None:
        """Ends the process at once."""
        self._is_killed = True
        self._process.kill()
        self._process.wait()
        for pipe in (self._input, self._output):
            with suppress(OSError):
                pipe.close()

    def receive(self, timeout_s: float) -> list[Message]:
        """Its messages so far, after at most `timeout_s`; raises RunBroken if it is gone or sends invalid messages.

        They include `ready`, after seconds of imports, as a sign of life.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ, self._read)
            if self._unsent:
                selector.register(self._input, selectors.EVENT_WRITE, self._write)
            for key, _ in selector.select(timeout_s):
                key.data()
        messages = list(self._messages())
        self.is_warm = self.is_warm or bool(messages)
        return messages

    def _send(self, message: Message) -> None:
        self._unsent += to_json(message) + b"\n"
        self._write()

    def _write(self) -> None:
        # A pipe holds 64 kB and a job may be larger: the rest is sent while we wait for messages.
        with suppress(BlockingIOError, BrokenPipeError):
            while self._unsent:
                del self._unsent[: os.write(self._input.fileno(), self._unsent[:PIECE_BYTES])]

    def _read(self) -> None:
        piece = os.read(self._output.fileno(), PIECE_BYTES)
        if not piece:
            raise RunBroken(_cause_of_death(self._process))
        self._unread += piece
        if len(self._unread) > LONGEST_LINE_BYTES:
            raise RunBroken(UNREADABLE)

    def _messages(self) -> Iterator[Message]:
        *lines, rest = self._unread.split(b"\n")
        self._unread = rest
        for line in lines:
            yield _message(line)


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    assert end is not None  # noqa: S101  # asked for with PIPE
    return end


def _message(line: bytes | bytearray) -> Message:
    try:
        message = from_json(line)
    except ValueError:
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise RunBroken(UNREADABLE)
    return message


def _cause_of_death(process: subprocess.Popen[bytes]) -> str:
    try:
        code = process.wait(1)
    except subprocess.TimeoutExpired:
        return "The rehearsal process closed its output in the middle of the run."
    if code < 0:
        name = signal.Signals(-code).name
        return f"The rehearsal process was killed ({name}) in the middle of the run; perhaps the memory was full."
    return f"The rehearsal process ended in the middle of the run (exit code {code}). Its log lines may say why."


def _log_lines(errors: IO[bytes], pid: int) -> None:
    with errors, suppress(ValueError):
        for line in errors:
            log.info("rehearsal process", pid=pid, line=line.decode(errors="replace").rstrip())
