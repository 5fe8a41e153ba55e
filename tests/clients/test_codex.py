"""Codex CLI over each dialect and where the first deployment is dead: it runs a command, then writes a patch."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Stage
from tests.clients.processes import HERE, NODE, run
from tests.clients.speech import Call
from tests.clients.upstreams import DONE_TEXT, OBJECT_TEXT, Agent
from tests.servers import MASTER_KEY

CODEX = str(HERE / "node_modules" / "@openai" / "codex" / "bin" / "codex.js")
PATCH = "*** Begin Patch\n*** Add File: patched.txt\n+from the patch\n*** End Patch\n"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# How each dialect has a picture.
PART_OF = {"chat": '"image_url": {"url": "data:', "responses": '"type": "input_image"', "messages": '"type": "image"'}
CONFIG = """
model_provider = "console"
[model_providers.console]
name = "Routing Console"
base_url = "{url}/v1"
env_key = "ROUTING_CONSOLE_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""


def codex(
    stage: Stage,
    folder: Path,
    group: str,
    *options: str,
    picture: str = "",
    key: str = MASTER_KEY,
    fails: bool = False,
) -> list[dict[str, Any]]:
    """The events of Codex while it does what it is asked for."""
    home = folder / "home"
    home.mkdir()
    (home / "config.toml").write_text(CONFIG.format(url=stage.console.url))
    command = [*NODE, CODEX, "exec", "--json", "--skip-git-repo-check", "--model", group]
    command += ["--dangerously-bypass-approvals-and-sandbox", *options, "Do it."]
    command += ["-i", picture] if picture else []
    said = run(command, folder, fails=fails, CODEX_HOME=str(home), ROUTING_CONSOLE_KEY=key)
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


@pytest.mark.parametrize(
    "kind", [pytest.param("chat", marks=pytest.mark.smoke), "responses", "messages", "dead, then messages"]
)
def test_codex_runs_a_command_and_applies_a_patch(stage: Stage, tmp_path: Path, kind: str):
    command = {"cmd": "echo from the model > written.txt"}
    stage.upstream.usual = Agent((Call("exec_command", command), Call("apply_patch", PATCH)))
    name = f"gpt-5.5-{kind.replace(', ', '-').replace(' ', '-')}"
    items = [event["item"] for event in codex(stage, tmp_path, stage.group(kind, name)) if "item" in event]
    assert [item["text"] for item in items if item["type"] == "agent_message"] == [DONE_TEXT]
    assert (tmp_path / "written.txt").read_text() == "from the model\n"
    assert (tmp_path / "patched.txt").read_text() == "from the patch\n"


@pytest.mark.parametrize("kind", ["chat", "responses", "messages"])
def test_codex_shows_the_model_a_picture(stage: Stage, tmp_path: Path, kind: str):
    (tmp_path / "dot.png").write_bytes(PNG)
    stage.upstream.usual = Agent(())
    events = codex(stage, tmp_path, stage.group(kind), picture="dot.png")
    items = [event["item"] for event in events if "item" in event]
    assert [item["text"] for item in items if item["type"] == "agent_message"] == [DONE_TEXT]
    [asked] = [json.dumps(one.body) for one in stage.upstream.seen if "Do it." in json.dumps(one.body)]
    assert PART_OF[kind] in asked
    assert base64.b64encode(PNG).decode() in asked


@pytest.mark.parametrize("kind", ["chat", "messages"])
def test_codex_finds_its_tools_where_it_sends_them_in_the_input(stage: Stage, tmp_path: Path, kind: str):
    script = 'await tools.exec_command({cmd: "echo from the model > written.txt"});'
    stage.upstream.usual = Agent((Call("functions__exec", script),))
    items = [event.get("item", {}) for event in codex(stage, tmp_path, stage.group(kind, f"gpt-6-sol-{kind}"))]
    assert [item["text"] for item in items if item.get("type") == "agent_message"] == [DONE_TEXT]
    assert (tmp_path / "written.txt").read_text() == "from the model\n"


def test_codex_gets_an_answer_of_its_schema(stage: Stage, tmp_path: Path):
    properties = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    (tmp_path / "schema.json").write_text(json.dumps({**properties, "additionalProperties": False}))
    stage.upstream.usual = Agent(())
    items = [
        event.get("item", {})
        for event in codex(stage, tmp_path, stage.group("chat"), "--output-schema", str(tmp_path / "schema.json"))
    ]
    assert [item["text"] for item in items if item.get("type") == "agent_message"] == [OBJECT_TEXT]


def test_codex_says_why_it_has_no_answer(stage: Stage, tmp_path: Path):
    events = codex(stage, tmp_path, stage.group("chat"), key="sk-wrong", fails=True)
    [failed] = [event for event in events if event["type"] == "turn.failed"]
    assert "unknown, revoked or expired" in failed["error"]["message"]
