"""Finished requests on disk until the log has them, so that a process that is killed loses none of them.

Each row is one write(2), without fsync: what is written outlives its process, if not the machine's power. A process has
two files in a folder of its machine, and holds a lock on them as long as it lives: the system lets go of it however the
process ends. Then the next process that looks writes the rows into the log, which counts no call id twice.
"""

from __future__ import annotations

import fcntl
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import structlog
from pydantic_core import from_json, to_json

from usage.request_log.finished import COLUMNS, STARTED_AT, FinishedRequest
from usage.request_log.journal import JournalEntry
from usage.request_log.packing import ATTEMPT, Wire, entries_of

log = structlog.get_logger(__name__)

DEFAULTS: dict[str, Any] = {
    column.name: column.default_factory() if column.default_factory is not MISSING else column.default
    for column in fields(FinishedRequest)
    if column.default is not MISSING or column.default_factory is not MISSING
}
# What the columns are, for a later version that finds the file.
HEAD = to_json({"columns": COLUMNS, "attempt": ATTEMPT})
# Of each file. Beyond it rows are only in memory, as they are while the disk is full.
MOST_BYTES = 64 * 1024 * 1024
BATCH = 1000


class CrashFiles:
    """Those of this process: one is written while the rows of the other go into the log.

    `keep` is for the thread of requests, everything else for the one that writes the log.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self.folder, self._most_bytes = folder, most_bytes
        self._lock = threading.Lock()
        self._paths: list[Path] = []
        self._numbers: list[int] = []
        self._sizes = [0, 0]
        self._current = 0
        self._has_warned = False

    @property
    def is_open(self) -> bool:
        return bool(self._numbers)

    def open(self) -> None:
        """From now on rows are kept; raises OSError where the folder can't be written."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._paths = [self.folder / f"{uuid.uuid4().hex}.rows" for _ in range(2)]
        self._numbers = [_begun(path) for path in self._paths]

    def keep(self, wire: Wire) -> None:
        """Writes one row if there is room for it; never raises."""
        try:
            line = b"\n" + to_json(wire)
            with self._lock:
                if self._numbers:
                    self._write(line)
        except (OSError, ValueError) as error:
            if not self._has_warned:
                self._has_warned = True
                log.warning("finished requests are in memory only, a kill would lose them", why=str(error)[:200])

    def turn(self) -> bool:
        """Later rows go into the other file; False while the log lacks rows of that."""
        with self._lock:
            is_free = bool(self._numbers) and not self._sizes[1 - self._current]
            if is_free:
                self._current = 1 - self._current
            return is_free

    def forget(self) -> None:
        """The log has the rows of the file that is not written now."""
        other = 1 - self._current
        if self._numbers and self._sizes[other]:
            os.ftruncate(self._numbers[other], 0)
            self._sizes[other] = 0
            self._has_warned = False

    def close(self, *, is_written: bool) -> None:
        """This process ends; with `is_written` the log has all rows, otherwise another process finds them."""
        with self._lock:
            numbers, self._numbers = self._numbers, []
        for path, number in zip(self._paths, numbers, strict=False):
            if is_written:
                path.unlink(missing_ok=True)
            os.close(number)

    def _write(self, line: bytes) -> None:
        size = self._sizes[self._current]
        line = line if size else HEAD + line
        if size + len(line) > self._most_bytes:
            raise OSError(f"more than {self._most_bytes} bytes wait for the log")
        self._sizes[self._current] = size + len(line)
        os.write(self._numbers[self._current], line)


def recover(folder: Path, write: Callable[[Sequence[JournalEntry]], None], *, oldest_s: float) -> int:
    """Writes the rows of processes that are gone, if they began after `oldest_s` (Unix seconds), and deletes their
    files. The number of rows; raises what `write` raises, and the file stays."""
    return sum(_recovered(path, write, oldest_s) for path in sorted(folder.glob("*.rows")))


def _recovered(path: Path, write: Callable[[Sequence[JournalEntry]], None], oldest_s: float) -> int:
    try:
        number = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return 0
    with os.fdopen(number, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0  # its process lives
        if not os.fstat(number).st_nlink:
            return 0  # another process was quicker
        # The last one of a call id is the whole one.
        rows = {wire[0][0]: wire for wire in _wires(file.read()) if wire[0][STARTED_AT] >= oldest_s}
        found = list(rows.values())
        for start in range(0, len(found), BATCH):
            write(entries_of(found[start : start + BATCH]))
        path.unlink(missing_ok=True)
        return len(rows)


def _wires(content: bytes) -> Iterator[Wire]:
    """The rows, in our columns; what was cut in the middle is left out."""
    head, *lines = content.split(b"\n")
    try:
        theirs = from_json(head)
    except ValueError:
        return  # nothing but a cut beginning
    for line in lines:
        with suppress(ValueError, TypeError, KeyError):  # one that can't be read keeps nobody from the others
            yield _wire(theirs, line)


def _wire(theirs: dict[str, Any], line: bytes) -> Wire:
    values, owed = from_json(line)
    row: dict[str, Any] = DEFAULTS | dict(zip(theirs["columns"], values, strict=True))
    ends = row["started_at"] + row["duration_ms"] / 1000
    row["attempts"] = [_attempt(theirs["attempt"], attempt, ends) for attempt in row["attempts"]]
    return tuple(row.get(name) for name in COLUMNS), tuple(owed) if owed else None


def _attempt(names: Sequence[str], values: Sequence[Any], ends: float) -> tuple[Any, ...]:
    """In our columns. One that goes on has answered: its row was made right before the last event of a stream."""
    row = dict(zip(names, values, strict=True))
    if row["status"] == "pending":
        row |= {"status": "success", "duration_ms": max(0.0, (ends - row["started_at"]) * 1000)}
    return tuple(row.get(name) for name in ATTEMPT)


def _begun(path: Path) -> int:
    """A file that nobody sees before it is locked."""
    draft = path.with_suffix(".draft")
    number = os.open(draft, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    draft.rename(path)
    return number
