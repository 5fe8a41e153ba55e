"""Claude Code and Anthropic's library with thoughts, over each dialect and where the first deployment is dead."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Stage
from tests.clients.processes import BIN, PROGRAMS, PYTHON, run
from tests.clients.speech import SIGNATURE, Call
from tests.clients.upstreams import DONE_TEXT, Agent, results_in
from tests.servers import MASTER_KEY, eventually

KINDS = ("messages", "chat", "dead, then chat")
SMOKE = (pytest.param("messages", marks=pytest.mark.smoke), *KINDS[1:])
CLAUDE = str(BIN / "claude")


def claude(
    stage: Stage,
    folder: Path,
    group: str,
    *options: str,
    prompt: str = "Please run it.",
    key: str = MASTER_KEY,
    key_name: str = "ANTHROPIC_AUTH_TOKEN",
    fails: bool = False,
) -> Any:
    """What Claude Code says to a prompt."""
    command = [CLAUDE, "--model", group, "--output-format", "json", *options, "-p", prompt]
    settings = {
        "ANTHROPIC_BASE_URL": stage.console.url,
        key_name: key,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": group,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0",
        "DISABLE_AUTOUPDATER": "1",
        "IS_SANDBOX": "1",
    }
    return json.loads(run(command, folder, fails=fails, **settings))


@pytest.mark.parametrize("kind", KINDS)
def test_anthropics_python_library_gets_thoughts_and_counts(stage: Stage, tmp_path: Path, kind: str):
    stage.upstream.usual = Agent((Call("Bash", {"command": "ls"}),))
    group = stage.group(kind)
    program = str(PROGRAMS / "anthropic_thinking.py")
    said = json.loads(run([str(PYTHON), program, stage.console.url, MASTER_KEY, group], tmp_path))
    assert said["plain"] == [DONE_TEXT, "end_turn", group, 6 if kind == "messages" else 10]
    assert said["asked"] == ["thinking", "tool_use"]
    assert said["done"] == [DONE_TEXT, "end_turn"]
    assert said["count"] == 4321 if kind == "messages" else said["count"] > 0
    assert said["error"][1:] in ([400, True], [404, True])


@pytest.mark.parametrize("kind", SMOKE)
def test_claude_code_runs_a_command_and_sends_its_thoughts_back(stage: Stage, tmp_path: Path, kind: str):
    written = tmp_path / "written.txt"
    command = {"command": f"echo from the model > {written}", "description": "Writes a file"}
    stage.upstream.usual = Agent((Call("Bash", command),))
    said = claude(stage, tmp_path, stage.group(kind), "--allowedTools", "Bash")
    assert said["result"] == DONE_TEXT
    assert written.read_text() == "from the model\n"
    turns = eventually(lambda: [one.body for one in stage.upstream.seen if results_in(one.body)])
    if kind == "messages":
        blocks: list[Any] = [block for turn in turns[-1]["messages"] for block in turn["content"]]
        assert SIGNATURE in [block.get("signature") for block in blocks if isinstance(block, dict)]


def test_claude_code_says_why_it_has_no_answer(stage: Stage, tmp_path: Path):
    said = claude(stage, tmp_path, stage.group("chat"), key="sk-wrong", fails=True)
    assert (said["is_error"], "unknown, revoked or expired" in said["result"]) == (True, True), said["result"]


@pytest.mark.parametrize(("kind", "name"), [("messages", "claude-sonnet-4-5"), ("chat", "claude-opus-4-5")])
def test_claude_code_runs_a_command_with_an_api_key_under_a_name_that_it_knows(
    stage: Stage, tmp_path: Path, kind: str, name: str
):
    written = tmp_path / "written.txt"
    stage.upstream.usual = Agent((Call("Bash", {"command": f"echo from the model > {written}", "description": "-"}),))
    said = claude(stage, tmp_path, stage.group(kind, name), "--allowedTools", "Bash", key_name="ANTHROPIC_API_KEY")
    assert (said["result"], written.read_text()) == (DONE_TEXT, "from the model\n")


@pytest.mark.parametrize("kind", ["messages", "chat"])
def test_claude_code_measures_its_context_in_a_burst_of_counts(stage: Stage, tmp_path: Path, kind: str):
    stage.upstream.usual = Agent(())
    said = claude(stage, tmp_path, stage.group(kind), prompt="/context")
    assert re.search(r"\| System tools \| [\d.]+k \|", said["result"]), said["result"]
    paths = {one.path.partition("?")[0] for one in stage.upstream.seen}
    assert paths == ({"/v1/messages/count_tokens"} if kind == "messages" else set())


@pytest.mark.parametrize("kind", ["messages", "chat"])
def test_claude_code_gives_an_object_of_its_schema(stage: Stage, tmp_path: Path, kind: str):
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    stage.upstream.usual = Agent((Call("StructuredOutput", {"city": "Paris"}),))
    said = claude(stage, tmp_path, stage.group(kind), "--json-schema", json.dumps(schema))
    assert said["structured_output"] == {"city": "Paris"}
