"""What is kept of each case, in a JSON file: a run that was cut off goes on where it was."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

from bench.fidelity.cases import Case
from bench.fidelity.verdicts import Line, lines_of


@dataclass
class Measured:
    """Both sides of one case. `noise` has, for each time, the median over the runs of what the machine added."""

    name: str
    strategy: str
    state: str  # which case it was, and how often it was played
    at: str
    requests: int
    ranges: dict[str, list[float]]
    runs: list[dict[str, float]]
    noise: list[dict[str, float]] = field(default_factory=list)
    errors: list[dict[str, int]] = field(default_factory=list)
    load: float = 0.0
    machine: str = ""

    @property
    def lines(self) -> list[Line]:
        """Its numbers, with their verdicts."""
        names = {name for noise in self.noise for name in noise}
        middle = {name: median(noise[name] for noise in self.noise if name in noise) for name in names}
        return list(lines_of(self.ranges, self.runs, middle))


def state_of(case: Case, runs: int) -> str:
    """Tells a case from what it was before somebody changed it, or what is measured of it."""
    measures = "first tokens" if case.traffic.is_stream else ""
    return sha256(f"{case!r}{runs}{measures}".encode()).hexdigest()[:16]


def machine() -> str:
    """What all of it runs on."""
    import os

    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"


class Rows:
    """The file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.all: dict[str, Measured] = {}
        if path.exists():
            known: Mapping[str, dict[str, Any]] = json.loads(path.read_text())
            self.all = {name: Measured(**row) for name, row in known.items()}

    def has(self, case: Case, runs: int) -> bool:
        """Whether this very case is done."""
        row = self.all.get(case.slug)
        return row is not None and row.state == state_of(case, runs)

    def keep(self, case: Case, row: Measured) -> None:
        """Adds or replaces a case; the file is whole at any moment."""
        self.all[case.slug] = row
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps({name: asdict(one) for name, one in self.all.items()}, indent=1))
        beside.replace(self._path)
