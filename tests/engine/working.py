"""A real worker process for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from engine.rehearsal.jobs import Job
from tests.forks import fork
from tests.servers import Process

ENDS = ("done", "failed", "cancelled")


def traces_in(messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The traces of a run, in the order in which their requests ended."""
    lines = (line for message in messages if message["type"] == "traces" for line in message["lines"].split("\n"))
    return [json.loads(line) for line in lines if line]


class WorkerProcess:
    """`python -m engine.rehearsal.worker`, warm when entered; forked, unless it wants a hash seed of its own."""

    def __init__(self, hash_seed: str | None = None) -> None:
        self._hash_seed = hash_seed

    def __enter__(self) -> WorkerProcess:
        commands, ours = os.pipe()
        theirs, answers = os.pipe()
        self.stdin, self._answers = open(ours, "wb"), open(theirs, "rb")
        self.process = self._started(commands, answers)
        for file in (commands, answers):
            os.close(file)
        assert json.loads(self._readline()) == {"type": "ready"}
        return self

    def __exit__(self, *_: object) -> None:
        self.stdin.close()
        assert self.process.wait(20) == 0
        self._answers.close()

    def _started(self, stdin: int, stdout: int) -> Process:
        arguments = ["-m", "engine.rehearsal.worker"]
        if self._hash_seed is None:
            return fork(arguments, os.environ, stdin=stdin, stdout=stdout, stderr=2)
        env = {**os.environ, "PYTHONHASHSEED": self._hash_seed}
        return subprocess.Popen([sys.executable, *arguments], stdin=stdin, stdout=stdout, env=env)

    def tell(self, command: dict[str, Any]) -> None:
        self.stdin.write(json.dumps(command).encode() + b"\n")
        self.stdin.flush()

    def _readline(self) -> bytes:
        return self._answers.readline()

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
        return traces_in(found), found[-1]["result"]

    def frames(self, job: Job) -> list[dict[str, Any]]:
        return [m for m in self.lines(job) if m["type"] == "frame"]
