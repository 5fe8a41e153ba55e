"""Child processes: start, wait until they answer, read the CPU they used, stop. Linux (`/proc`)."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: list[str], *, ready: str, log: Path, env: dict[str, str] | None = None, deadline_s: float = 120
) -> Iterator[int]:
    """The process id of the command, once it answers at `ready`; stopped on the way out."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **(env or {})}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait(child, ready, log, time.monotonic() + deadline_s)
        yield child.pid
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait(child: subprocess.Popen[bytes], url: str, log: Path, deadline: float) -> None:
    while time.monotonic() < deadline and child.poll() is None:
        if _answers(url):
            return
        time.sleep(0.1)
    raise SystemExit(f"{child.args!r} did not answer at {url}:\n{log.read_text()[-3000:]}")


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except OSError:
        return False
    return True


def cpu_s(pid: int) -> float:
    """Seconds of CPU, user and system, of a process and its living descendants."""
    return sum(map(own_cpu_s, (pid, *descendants(pid))))


def own_cpu_s(pid: int) -> float:
    """Those of the process alone."""
    with suppress(FileNotFoundError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
    return 0.0


def confine(pid: int, processors: set[int]) -> None:
    """Lets all threads of a process run on these processors only, and those that they start."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), processors)


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have, as far as they live."""
    children, found = _children(), [pid]
    for process in found:
        found += children.get(process, [])
    return found[1:]


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            found.setdefault(parent, []).append(int(path.parent.name))
    return found
