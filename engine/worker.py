"""The process that runs rehearsals: JSON lines in, JSON lines out.

    {"run": {job}}      starts a job; answered by frames, traces, and `done`, `cancelled` or `failed`
    {"cancel": true}    stops it

It writes {"type": "ready"} when it is warm, runs one job at a time in virtual time, and exits at the end of its input.
Each job begins from the same state, so that a seed gives the same bytes in any process.
"""

from __future__ import annotations

import gc
import os
import random
import sys
import threading
from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any, BinaryIO

from pydantic_core import from_json, to_json

from engine import clock
from engine.jobs import Job
from engine.rehearsal import rehearse
from engine.routing import warm_up
from engine.upstreams.sentences import sentence_of


class Worker:
    """Reads commands in a thread, runs jobs in the main thread."""

    def __init__(self, commands: BinaryIO, answers: BinaryIO) -> None:
        self._commands, self._answers = commands, answers
        self._jobs: SimpleQueue[Mapping[str, Any] | None] = SimpleQueue()
        self._is_cancelled = False

    def serve(self) -> None:
        """Runs jobs until the input ends."""
        warm_up()
        # LiteLLM's objects from its import stay in memory; collecting them after each job would delay the next.
        gc.collect()
        gc.freeze()
        threading.Thread(target=self._read, daemon=True).start()
        self.say({"type": "ready"})
        while (job := self._jobs.get()) is not None:
            self._run(job)

    def say(self, message: Mapping[str, Any]) -> None:
        """Writes one line to the output."""
        self._answers.write(to_json(message) + b"\n")
        self._answers.flush()

    def _read(self) -> None:
        for line in self._commands:
            command = from_json(line)
            if "run" in command:
                self._is_cancelled = False
                self._jobs.put(command["run"])
            elif command.get("cancel"):
                self._is_cancelled = True
        # The parent process is gone: nobody needs a running job any more.
        self._is_cancelled = True
        self._jobs.put(None)

    def _run(self, data: Mapping[str, Any]) -> None:
        try:
            run_in_virtual_time(Job.from_json(data), self)
        except Exception as error:  # the worker goes on, and the caller gets the error
            self.say({"type": "failed", "error": f"The run broke. {sentence_of(error)}"})
        gc.collect()

    @property
    def is_cancelled(self) -> bool:
        return self._is_cancelled


def run_in_virtual_time(job: Job, worker: Worker) -> None:
    """Runs a job on a virtual clock; LiteLLM uses the global random generator, so it is seeded."""
    random.seed(job.seed)
    clock.run(rehearse(job, emit=worker.say, should_stop=lambda: worker.is_cancelled))


def main() -> None:
    # Our own copy of the output: prints of other code must not end up between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    Worker(sys.stdin.buffer, answers).serve()


if __name__ == "__main__":
    main()
