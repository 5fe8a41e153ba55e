"""The table of conformance, judged by the libraries of the clients' environment, and the parameters that they list.

`tests/conformance/test_table.py` has openai-python as the tests need it, and reads Messages by hand.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import published
from tests.conformance.cases import CELLS
from tests.conformance.running import seen_of
from tests.servers import ROOT

PYTHON = ROOT / ".venv-clients" / "bin" / "python"
CELLS_HERE = [cell for cell in CELLS if cell.dialect != "litellm"]
LISTED = """
import json
import anthropic.types.beta.message_create_params as beta, anthropic.types.message_create_params as messages
import openai.types.chat.completion_create_params as chat, openai.types.responses.response_create_params as responses
names = lambda kind: list(kind.__annotations__)
print(json.dumps({
    "chat": names(chat.CompletionCreateParamsBase),
    "responses": names(responses.ResponseCreateParamsBase),
    "messages": names(messages.MessageCreateParamsBase) + names(beta.MessageCreateParamsBase),
}))
"""


def run(arguments: list[str], said: str = "") -> Any:
    """What a program of the clients' environment prints as JSON."""
    if not PYTHON.exists():
        pytest.fail(f"There is no {PYTHON}. Build the clients' environments: `make test-clients`.")
    command = [str(PYTHON), *arguments]
    done = subprocess.run(command, cwd=ROOT, input=said, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_the_libraries_of_openai_and_anthropic_read_every_answer_as_the_table_says(tmp_path: Path):
    seen = seen_of(CELLS_HERE, tmp_path)
    recorded = {name: found["recorded"] for name, found in seen.items()}
    heard = run(["-m", "tests.conformance.doors.heard"], json.dumps(recorded))
    expected = {cell.name: asdict(cell.case.expected(cell.door, is_stream=cell.is_stream)) for cell in CELLS_HERE}
    assert heard == json.loads(json.dumps(expected))


def test_every_parameter_of_the_libraries_is_known():
    lists = {"chat": published.CHAT, "responses": published.RESPONSES, "messages": published.MESSAGES}
    for door, names in run(["-c", LISTED]).items():
        assert {*names} - {"betas"} <= lists[door], door
