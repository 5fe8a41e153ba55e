"""What the processes of one machine have counted, shared through files, so that any of them can show all.

Each process writes its own file every second, and holds a lock as long as it lives: the system lets go of it however
the process ends. What a dead one has counted moves into the file of the dead, so the sums never fall while a server
lives, however often its workers are replaced. The first process of a server begins at zero.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from usage.metrics.sums import Sums

DEAD, GATE = "dead.json", "gate"
Gauges = dict[str, list[tuple[tuple[str, ...], float]]]


@dataclass(slots=True)
class Snapshot:
    """What one process has counted, and its gauges: by metric, the labels and values. `told_s` is Unix seconds."""

    sums: Sums
    gauges: Gauges = field(default_factory=dict)
    told_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {"sums": self.sums.to_json(), "gauges": self.gauges, "told_s": self.told_s}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Snapshot:
        rows = {name: [(tuple(labels), value) for labels, value in row] for name, row in found["gauges"].items()}
        return cls(Sums.from_json(found["sums"]), rows, found["told_s"])


class SharedSums:
    """The folder of one machine's processes, as one of them sees it. All methods block, for milliseconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._id = uuid.uuid4().hex
        self._alive: IO[bytes] | None = None

    def join(self) -> None:
        """This process begins; raises OSError where the folder can't be written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._gate():
            self._alive = _locked(self._lock_of(self._id))
            if not any(self._is_alive(one) for one in self._others()):
                self._clear()

    def tell(self, snapshot: Snapshot) -> None:
        """Writes what this process has counted."""
        self._write(f"{self._id}.json", snapshot.to_json())

    def leave(self) -> None:
        """This process ends; what it told last stays counted."""
        if self._alive is not None:
            self._alive.close()
            self._alive = None

    def read(self) -> tuple[Sums, list[Snapshot]]:
        """What processes have counted that have ended, and what those that live have told last, this one too."""
        with self._gate():
            gone = self._bury()
            told = [self._told(one) for one in (self._id, *self._others())]
        return gone, [snapshot for snapshot in told if snapshot is not None]

    def _bury(self) -> Sums:
        """Moves what the dead have counted into one file. Their names are in it: where this process ends before it
        has deleted theirs, they are not counted twice."""
        found = self._read(DEAD) or {"names": [], "sums": Sums().to_json()}
        gone, names = Sums.from_json(found["sums"]), set(found["names"])
        dead = [one for one in self._others() if not self._is_alive(one)]
        for one in (one for one in dead if one not in names):
            if (snapshot := self._told(one)) is not None:
                gone.merge(snapshot.sums)
        if dead:
            self._write(DEAD, {"names": dead, "sums": gone.to_json()})
            for one in dead:
                self._delete(one)
        return gone

    def _others(self) -> list[str]:
        names = {path.stem for path in self._folder.glob("*.lock")}
        return sorted(names - {self._id})

    def _told(self, one: str) -> Snapshot | None:
        found = self._read(f"{one}.json")
        return None if found is None else Snapshot.from_json(found)

    def _is_alive(self, one: str) -> bool:
        try:
            _locked(self._lock_of(one)).close()
        except BlockingIOError:
            return True
        return False

    def _clear(self) -> None:
        for one in self._others():
            self._delete(one)
        for path in (self._folder / DEAD, *self._folder.glob("*.draft")):
            path.unlink(missing_ok=True)

    def _delete(self, one: str) -> None:
        (self._folder / f"{one}.json").unlink(missing_ok=True)
        self._lock_of(one).unlink(missing_ok=True)

    def _lock_of(self, one: str) -> Path:
        return self._folder / f"{one}.lock"

    @contextmanager
    def _gate(self) -> Iterator[None]:
        """One process at a time."""
        with (self._folder / GATE).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _read(self, name: str) -> dict[str, Any] | None:
        """A file; None if there is none, or if the disk was full when it was written."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads((self._folder / name).read_bytes())
            return found if isinstance(found, dict) else None
        return None

    def _write(self, name: str, content: dict[str, Any]) -> None:
        draft = self._folder / f"{name}.{self._id}.draft"
        draft.write_text(json.dumps(content))
        os.replace(draft, self._folder / name)


def _locked(path: Path) -> IO[bytes]:
    """The file, locked as long as it is open; raises BlockingIOError if somebody else has it."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        file.close()
        raise
    return file
