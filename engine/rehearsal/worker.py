"""The process that runs rehearsals: JSON lines in, JSON lines out.

    {"run": {job}}      starts a job; answered by frames, traces, and `done`, `cancelled` or `failed`
                        (of the kind `history` it is a course of a period of the past, and answered by `progress`
                        and the last three only)
    {"cancel": true}    stops it

It says {"type": "ready"}, runs one job at a time, and ends with its input. Each job begins from the same state, so
that a seed gives the same bytes in any process. LiteLLM is imported by the first job whose group is routed by it: that
takes seconds and 170 MB, which no other job needs.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any, BinaryIO

from pydantic_core import from_json, to_json

from engine.drivers.simulation import simulate
from engine.history.jobs import KIND as HISTORY
from engine.history.jobs import CourseJob
from engine.history.rehearsing import rehearse
from engine.rehearsal.jobs import Job
from engine.rehearsal.recording import Emit, Stopped
from engine.spec import Router

# Requests make many small objects and no cycles: looking for those more often would only cost time.
GC_THRESHOLDS = 50_000, 20, 50


class Worker:
    """Reads commands in a thread, runs jobs in the main thread."""

    def __init__(self, commands: BinaryIO, answers: BinaryIO) -> None:
        self._commands, self._answers = commands, answers
        self._jobs: SimpleQueue[Mapping[str, Any] | None] = SimpleQueue()
        self.cancelled = threading.Event()

    def serve(self) -> None:
        """Until the input ends."""
        _settle()
        gc.set_threshold(*GC_THRESHOLDS)
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
                self.cancelled.clear()
                self._jobs.put(command["run"])
            elif command.get("cancel"):
                self.cancelled.set()
        # The parent process is gone: nobody needs a running job any more.
        self.cancelled.set()
        self._jobs.put(None)

    def _run(self, data: Mapping[str, Any]) -> None:
        try:
            if data.get("kind") == HISTORY:
                run_course(CourseJob.from_json(data), emit=self.say, should_stop=self.cancelled.is_set)
            else:
                run(Job.from_json(data), emit=self.say, should_stop=self.cancelled.is_set)
        except Exception as error:  # the worker lives on; whoever asked is told
            self.say({"type": "failed", "error": f"The run broke. {_sentence_of(error)}"})
        gc.collect()


def run(job: Job, *, emit: Emit, should_stop: Callable[[], bool]) -> None:
    """Runs a job with the router of its first group, which is the one that decides."""
    if job.spec.router is Router.NATIVE:
        simulate(job, emit=emit, should_stop=should_stop)
        return
    from engine.drivers.litellm_router import contract

    contract.check()
    from engine.drivers.litellm_router.rehearsing import rehearse_in_virtual_time

    _settle()
    rehearse_in_virtual_time(job, emit=emit, should_stop=should_stop)


def run_course(job: CourseJob, *, emit: Emit, should_stop: Callable[[], bool]) -> None:
    """Runs a course of a period of the past; answered by `progress`, and `done` or `cancelled`."""

    def tell(share: float) -> None:
        emit({"type": "progress", "share": share})

    try:
        course = rehearse(job.history, job.providers, job.seed, should_stop=should_stop, on_share=tell)
        emit({"type": "done", "result": course.to_json()})
    except Stopped:
        emit({"type": "cancelled", "result": None})


def _settle() -> None:
    """What has been imported stays; looking through it after each job would delay the next."""
    gc.collect()
    gc.freeze()


def _sentence_of(error: Exception) -> str:
    from engine.upstreams.sentences import sentence_of

    return sentence_of(error)


def main() -> None:
    # Our own copy of the output: prints of other code must not end up between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    Worker(sys.stdin.buffer, answers).serve()


if __name__ == "__main__":
    main()
