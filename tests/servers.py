"""Real server processes on free loopback ports, ready when entered, gone when left."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.databases import ROOT as ROOT
from tests.databases import own_database
from tests.forks import Forked, fork
from tests.pace import Stopwatch

# The test that runs now if it has no marker `server`; `sharing.py` keeps it.
unmarked_test: str | None = None
MASTER_KEY = "sk-rc-master-of-the-integration-tests"
# As docs/deploy.md says; httpx keeps idle connections for exactly as long as uvicorn would by itself.
UVICORN = ["--no-access-log", "--timeout-keep-alive", "75"]


Process = subprocess.Popen[bytes] | Forked


@dataclass(frozen=True)
class Server:
    """A running process that answers at `url`."""

    url: str
    process: Process
    log: Path


@dataclass(frozen=True)
class Console(Server):
    """Our own server, with the calls that a test prepares it by."""

    env: dict[str, str]

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The JSON answer of a REST call with the master key; raises unless it is a success."""
        answer = self.send(method, path, body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """The answer of a REST call with the master key, of any status; the limit is only so that nothing hangs."""
        headers = {"Authorization": f"Bearer {MASTER_KEY}"}
        return httpx.request(method, self.url + path, json=body, headers=headers, timeout=120)

    def catch_up(self) -> None:
        """Waits until this server serves what was saved last; a busy machine may need more than one try for that."""
        assert eventually(lambda: self.send("GET", "/readyz/console").is_success, deadline_s=60)

    def add_model(self, *, provider: str, api_base: str, model: str = "llama") -> str:
        """A custom provider with one model; gives the model's id."""
        row = {"name": provider, "type": "custom", "api_key": "sk-upstream-of-a-test", "api_base": api_base}
        created = self.call("POST", "/api/v1/llm/providers", row)["provider"]
        catalog = {"provider": created["id"], "model_name": model}
        return str(self.call("POST", "/api/v1/llm/models", catalog)["model"]["id"])

    def renew_key(self, model_id: str) -> None:
        """Gives a model's provider another key, so that its deployments are asked again; waits until it is served."""
        provider = self.call("GET", f"/api/v1/llm/models/{model_id}")["provider"]
        key = {"api_key": f"sk-upstream-of-a-test-{secrets.token_hex(4)}"}
        self.call("PATCH", f"/api/v1/llm/providers/{provider}", key)
        self.catch_up()

    def add_group(self, name: str, model_ids: Sequence[str], **settings: Any) -> str:
        """A priority-failover group over the models in that order (or as `settings` say); gives its id."""
        deployments = [{"model_id": model, "priority": tier} for tier, model in enumerate(model_ids, start=1)]
        config = {
            "routing_group_name": name,
            "routing_strategy": "priority-failover",
            "deployments": deployments,
            **settings,
        }
        return str(self.call("POST", "/v1/routing_group", config)["routing_group_id"])


@dataclass(frozen=True)
class Llmock(Server):
    """The OpenAI-compatible fault server `llmock`, told what to do over its own control API."""

    @property
    def api_base(self) -> str:
        return f"{self.url}/v1"

    def script(self, *behaviours: dict[str, Any]) -> None:
        """Queues behaviours such as `{"type": "fail", "status": 503, "times": None}`."""
        httpx.post(f"{self.url}/_llmock/scenario", json={"behaviors": behaviours}, timeout=10).raise_for_status()

    def requests(self) -> list[dict[str, Any]]:
        """Every request it served, oldest first, each with the fault it got."""
        return list(httpx.get(f"{self.url}/_llmock/requests", timeout=10).json()["requests"])

    def reset(self) -> None:
        """Forgets requests and behaviours."""
        httpx.post(f"{self.url}/_llmock/reset", timeout=10).raise_for_status()


_reserved: list[socket.socket] = []


def free_port() -> int:
    """A port that is this process's until it ends: bound, but not listened on.

    A server we start takes it all the same (SO_REUSEADDR), nobody else is given it, and a call to it is refused.
    """
    mine = socket.socket()
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    mine.bind(("127.0.0.1", 0))
    port = int(mine.getsockname()[1])
    if sys.platform == "linux":
        _reserved.append(mine)
    else:  # where SO_REUSEADDR does not mean that
        mine.close()
    return port


@contextmanager
def llmock(folder: Path, *options: str) -> Iterator[Llmock]:
    """A running llmock; options as of `llmock serve`."""
    port = free_port()
    command = [sys.executable, "-m", "llmock.cli", "serve", "--port", str(port), *options]
    log = folder / f"llmock-{port}.log"
    with running(command, url=f"http://127.0.0.1:{port}", ready="/health", log=log, env=dict(os.environ)) as found:
        yield Llmock(found.url, found.process, log)


@contextmanager
def console(folder: Path, *, port: int | None = None, server: str = "uvicorn", **settings: str) -> Iterator[Console]:
    """Our server, migrated, on a database of its own; `settings` are more environment variables."""
    port = port or free_port()
    with own_database(folder) as database:
        env = {**environment(folder, database), "PORT": str(port), **settings}
        with _serving(folder, port, server, env) as ours:
            yield ours


def environment(folder: Path, database: str) -> dict[str, str]:
    """Of a process with our server, which keeps its data there."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "routing_console.settings",
        "ROUTING_CONSOLE_DATA": str(folder),
        "ROUTING_CONSOLE_MASTER_KEY": MASTER_KEY,
        "ROUTING_CONSOLE_ALLOW_PRIVATE_UPSTREAMS": "1",
        "PROBE_INTERVAL_S": "0",
        "FAILED_KEYS_PER_MINUTE": "0",  # all tests come from one address
        "REHEARSAL_SEEDS": "1",  # the others would go on after the test
        "REHEARSAL_WORKERS": "1",  # as many as most tests need: each takes seven seconds of CPU to start
        "DATABASE_URL": database,
    }


@contextmanager
def console_beside(other: Console, folder: Path, **settings: str) -> Iterator[Console]:
    """One more process of our server, on the database and the data folder of another."""
    port = free_port()
    with _serving(folder, port, "uvicorn", {**other.env, "PORT": str(port), **settings}) as ours:
        yield ours


@contextmanager
def _serving(folder: Path, port: int, server: str, env: dict[str, str]) -> Iterator[Console]:
    url, log = f"http://127.0.0.1:{port}", folder / f"console-{port}.log"
    command = [sys.executable, "-m", server, *_address(server, port), "routing_console.asgi:application"]
    with running(command, url=url, ready="/readyz/console", log=log, env=env) as found:
        yield Console(url, found.process, log, env)


def _address(server: str, port: int) -> list[str]:
    return ["--port", str(port), *(UVICORN if server == "uvicorn" else ["-v", "0"])]


@contextmanager
def running(
    command: list[str], *, url: str, ready: str | None, log: Path, env: dict[str, str], deadline_s: float = 120
) -> Iterator[Server]:
    """A process that answers 200 at `url + ready`; without `ready` any answer at all will do."""
    assert not unmarked_test, f"{unmarked_test} starts a server; mark it: @pytest.mark.server"
    process = _started(command, log, env)
    try:
        _wait_until_ready(process, url, ready, log, deadline_s)
        yield Server(url, process, log)
    finally:
        stop(process)


def _started(command: list[str], log: Path, env: dict[str, str]) -> Process:
    """Forked if it is Python that would import LiteLLM."""
    with log.open("wb") as output, open(os.devnull, "rb") as nothing:
        if command[:2] == [sys.executable, "-m"] and command[2] in ("uvicorn", "daphne", "llmock.cli"):
            out = output.fileno()
            return fork(command[1:], env, stdin=nothing.fileno(), stdout=out, stderr=out)
        return subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT)


def _wait_until_ready(process: Process, url: str, ready: str | None, log: Path, deadline_s: float) -> None:
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}:\n{log.read_text()[-4000:]}")
        with suppress(httpx.TransportError):
            answer = httpx.get(url + (ready or "/"), timeout=5)
            if ready is None or answer.status_code == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{url} was not ready after {deadline_s} s:\n{log.read_text()[-4000:]}")


def stop(process: Process, patience_s: float = 10) -> None:
    """Asks the process to end, and ends it when it does not listen."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def eventually(check: Callable[[], Any], deadline_s: float = 5) -> Any:
    """The first true answer, or the last one."""
    watch = Stopwatch()
    while not (answer := check()) and not watch.has_passed(deadline_s):
        time.sleep(0.05)
    return answer


def leave_once(url: str, body: dict[str, Any], is_asked: Callable[[], bool]) -> None:
    """Posts a request and hangs up as soon as that holds, however long a busy machine takes for it."""
    at = urlsplit(url)
    headers = {"Authorization": f"Bearer {MASTER_KEY}", "Content-Type": "application/json"}
    with closing(HTTPConnection(at.hostname or "", at.port, timeout=60)) as connection:
        connection.request("POST", at.path, json.dumps(body), headers)
        becomes(is_asked, True, deadline_s=30)


def becomes(read: Callable[[], Any], wanted: Any, deadline_s: float = 10) -> None:
    """Fails unless what is read becomes what is wanted."""
    watch = Stopwatch()
    while (found := read()) != wanted and not watch.has_passed(deadline_s):
        time.sleep(0.05)
    assert found == wanted, f"still {found!r} after {deadline_s:g} s, not {wanted!r}"
