"""`python -m tests.fork_server SOCKET`: imports LiteLLM once, and forks a process for each that is asked for.

Questions on the socket are a length (with three open files beside it, of a process to start) and JSON:

    {"arguments": ["-m", "uvicorn", …], "env": {…}}    answered by {"pid": 4711}
    {"poll": 4711}                                      answered by {"code": null}, or the exit code

It ends with its socket.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import struct
import sys
from typing import Any

# What a server imports anyway and takes long, and what does not look at Django's settings: they are each server's own.
LIBRARIES = (
    *("engine.routing", "engine.drivers.litellm_router.router", "engine.upstreams.through_litellm"),
    *("engine.probes.spoken", "engine.rehearsal.ranges"),
    *("aiohttp", "django.db.models", "httptools", "uvicorn.main", "uvloop", "websockets"),
    *("autobahn.exception", "auditlog.filters", "dateutil.parser", "django.db.backends.sqlite3.base"),
    *("django.views.defaults", "limits", "whitenoise.middleware"),
    *("llmock.cli", "llmock.main"),
)
LENGTH = struct.Struct("!I")
Question = dict[str, Any]


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, and for the servers
    gc.disable()
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    if question := _serve(socket.socket(fileno=int(sys.argv[1]))):
        _become(question)


def _serve(asked: socket.socket) -> Question | None:
    """None when the socket has ended; what to become in a new process."""
    with asked:
        while (received := _receive(asked)) is not None:
            question, files = received
            answer = {"code": _exit_code(question["poll"])} if "poll" in question else {"pid": os.fork()}
            if answer.get("pid") == 0:
                _take(files)
                return question
            for file in files:
                os.close(file)
            asked.sendall(json.dumps(answer).encode() + b"\n")
    return None


def _receive(asked: socket.socket) -> tuple[Question, list[int]] | None:
    head, files, _, _ = socket.recv_fds(asked, LENGTH.size, 3)
    if not head:
        return None
    head += asked.recv(LENGTH.size - len(head), socket.MSG_WAITALL)
    return json.loads(asked.recv(LENGTH.unpack(head)[0], socket.MSG_WAITALL)), files


def _take(files: list[int]) -> None:
    """As standard input, output and error."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)


def _exit_code(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _become(question: Question) -> None:
    """`python *arguments`, in the environment of the question."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(question["env"])
    first, *rest = question["arguments"]
    sys.argv = rest if first == "-m" else [first, *rest]
    if first == "-m":
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main()
