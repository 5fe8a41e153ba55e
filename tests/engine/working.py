"""A real worker process for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from engine.jobs import Job

ENDS = ("done", "failed", "cancelled")


class WorkerProcess:
    """`python -m engine.worker`, warm when entered."""

    def __init__(self, hash_seed: str = "0") -> None:
        self._env = {**os.environ, "PYTHONHASHSEED": hash_seed}

    def __enter__(self) -> WorkerProcess:
        command = [sys.executable, "-m", "engine.worker"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._env)
        assert json.loads(self._readline()) == {"type": "ready"}
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(20) == 0

    def tell(self, command: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()

    def _readline(self) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def messages(self) -> list[dict[str, Any]]:
        """Everything up to the end of the job."""
        found = [json.loads(self._readline())]
        while found[-1]["type"] not in ENDS:
            found.append(json.loads(self._readline()))
        return found

    def lines(self, job: Job) -> list[dict[str, Any]]:
        self.tell({"run": job.to_json()})
        return self.messages()

    def run(self, job: Job) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Traces and result of a job."""
        found = self.lines(job)
        assert found[-1]["type"] == "done", found[-1]
        return [t for m in found if m["type"] == "traces" for t in m["traces"]], found[-1]["result"]

    def frames(self, job: Job) -> list[dict[str, Any]]:
        return [m for m in self.lines(job) if m["type"] == "frame"]
