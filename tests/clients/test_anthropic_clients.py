"""Anthropic's own clients, over an upstream of either dialect and where the first one is dead."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import KINDS, Stage
from tests.clients.upstreams import DONE_TEXT, SIGNATURE, Agent
from tests.fakes import ScriptedUpstream
from tests.servers import MASTER_KEY, ROOT, eventually

HERE = Path(__file__).parent
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
CLAUDE = HERE / "node_modules" / ".bin" / "claude"
BUILD = "Build the clients' environments: `make test-clients`."


def run(command: list[str], folder: Path, **env: str) -> str:
    """The output of a client's program, which has its own home and none of our settings."""
    if not Path(command[0]).exists():
        pytest.fail(f"There is no {command[0]}. {BUILD}")
    clean = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **env}
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def upstream_of(stage: Stage, kind: str) -> ScriptedUpstream:
    return stage.anthropic if kind == "anthropic" else stage.chat


@pytest.mark.parametrize("kind", KINDS)
def test_anthropics_python_library_gets_answers_tools_thoughts_counts_and_errors(
    stage: Stage, tmp_path: Path, kind: str
):
    upstream_of(stage, kind).usual = Agent("Bash", {"command": "ls"})
    group = stage.group(kind)
    program = str(HERE / "programs" / "anthropic_python.py")
    said = json.loads(run([str(PYTHON), program, stage.console.url, MASTER_KEY, group], tmp_path))
    assert said["plain"][:3] == [DONE_TEXT, "end_turn", group]
    assert said["plain"][3] == (6 if kind == "anthropic" else 10)
    assert said["asked"] == ["thinking", "tool_use"]
    assert said["done"] == [DONE_TEXT, "end_turn"]
    assert said["count"] == 4321 if kind == "anthropic" else said["count"] > 0
    assert said["error"][1:] == [400, True] or said["error"][1:] == [404, True]


@pytest.mark.parametrize("kind", KINDS)
def test_claude_code_runs_a_command_and_sends_its_thoughts_back(stage: Stage, tmp_path: Path, kind: str):
    written = tmp_path / "written.txt"
    upstream = upstream_of(stage, kind)
    command = {"command": f"echo from the model > {written}", "description": "Writes a file"}
    upstream.usual = Agent("Bash", command)
    group = stage.group(kind)
    said = run(
        [str(CLAUDE), "-p", "Please run it.", "--model", group, "--allowedTools", "Bash", "--output-format", "json"],
        tmp_path,
        ANTHROPIC_BASE_URL=stage.console.url,
        ANTHROPIC_AUTH_TOKEN=MASTER_KEY,
        ANTHROPIC_DEFAULT_HAIKU_MODEL=group,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        DISABLE_AUTOUPDATER="1",
        IS_SANDBOX="1",
    )
    assert json.loads(said)["result"] == DONE_TEXT
    assert written.read_text() == "from the model\n"
    turns = eventually(lambda: [one.body for one in upstream.seen if _has_result(one.body)])
    if kind == "anthropic":
        blocks: list[Any] = [block for turn in turns[-1]["messages"] for block in turn["content"]]
        assert SIGNATURE in [block.get("signature") for block in blocks if isinstance(block, dict)]


def _has_result(body: dict[str, Any]) -> bool:
    return "tool_result" in json.dumps(body) or any(one.get("role") == "tool" for one in body.get("messages", ()))
