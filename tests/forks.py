"""Processes of Python that find LiteLLM imported, which is most of what a server takes to start: six seconds of CPU.

Each is a process like any other, with its own environment, arguments, files and signals; it imports the product itself.
One process per run of tests, a `tests.fork_server`, has imported LiteLLM and forks them.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.fork_server import LENGTH

ROOT = Path(__file__).resolve().parent.parent
POLL_S = 0.01
# One for all forks, so that they are the same in each run; who wants another starts a process of their own.
HASH_SEED = {"PYTHONHASHSEED": "0"}


class Forked:
    """A running process, with what we use of `subprocess.Popen`."""

    def __init__(self, pid: int, args: Sequence[str]) -> None:
        self.pid = pid
        self.args = args
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        if self.returncode is None:
            self.returncode = _fork_server().ask({"poll": self.pid})["code"]
        return self.returncode

    def wait(self, timeout: float = 60) -> int:
        """The exit code, once it has ended; raises `subprocess.TimeoutExpired`."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(list(self.args), timeout)
            time.sleep(POLL_S)
        return code

    def send_signal(self, number: int) -> None:
        """Only while it runs: its id is its own until then."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _ForkServer:
    """The process that forks; it ends with ours."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())]
        files: Any = {"stdin": subprocess.DEVNULL, "pass_fds": [theirs.fileno()]}
        self._process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **HASH_SEED}, **files)
        theirs.close()
        self._socket, self._answers, self._lock = ours, ours.makefile("rb"), threading.Lock()
        atexit.register(self._end)

    def ask(self, question: Mapping[str, Any], files: Sequence[int] = ()) -> dict[str, Any]:
        """Its answer; `files` are for a process to start."""
        message = json.dumps(question).encode()
        with self._lock:
            socket.send_fds(self._socket, [LENGTH.pack(len(message))], files)
            self._socket.sendall(message)
            return dict(json.loads(self._answers.readline()))

    def _end(self) -> None:
        self._answers.close()
        self._socket.close()
        self._process.wait(10)


@cache
def _fork_server() -> _ForkServer:
    return _ForkServer()


def run_python(arguments: Sequence[str], env: Mapping[str, str], *, said: str = "", timeout: float = 120) -> str:
    """What `python *arguments` prints when it is told `said`; raises unless it succeeds."""
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors:
        told.write(said.encode())
        told.seek(0)
        process = fork(arguments, env, stdin=told.fileno(), stdout=printed.fileno(), stderr=errors.fileno())
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        printed.seek(0)
        errors.seek(0)
        assert code == 0, f"{arguments}: {code}\n{errors.read().decode()}"
        return printed.read().decode()


def fork(arguments: Sequence[str], env: Mapping[str, str], *, stdin: int, stdout: int, stderr: int) -> Forked:
    """`python *arguments` in our root folder, on these open files; the arguments begin with a script or with `-m`."""
    question = {"arguments": arguments, "env": {**env, **HASH_SEED}}
    answer = _fork_server().ask(question, (stdin, stdout, stderr))
    return Forked(answer["pid"], [sys.executable, *arguments])
