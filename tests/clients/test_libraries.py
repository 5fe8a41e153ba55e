"""Libraries over every dialect and past a dead deployment: plain, streamed, a tool and its result, and errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import KINDS, Stage
from tests.clients.processes import NODE, OLDER, PROGRAMS, PYTHON, run
from tests.clients.speech import Call
from tests.clients.upstreams import DONE_TEXT, Agent
from tests.servers import MASTER_KEY

WEATHER = Agent(tuple(Call(name, {"city": "Paris"}) for name in ("get_weather", "City", "PartialCity", "json")))
NEEDS_OLDER = ("llamaindex.py", "pydanticai.py messages")
TOOLS = {"plain": DONE_TEXT, "streamed": DONE_TEXT, "tool": DONE_TEXT}
OF_SCHEMA = {"object": "Paris", "streamed object": "Paris"}
OBJECTS = {"plain": "Paris", "streamed": "Paris", "tool": "Paris"}
OPENAI = (["AuthenticationError", 401], ["RateLimitError", 429])


@dataclass(frozen=True)
class Client:
    """A program and its dialect; `wrong_key` and `busy` are its exceptions, `said` what it makes of the answers."""

    program: str
    dialect: str = ""
    errors: tuple[list[Any], list[Any]] = OPENAI
    said: tuple[tuple[str, str], ...] = tuple(TOOLS.items())

    @property
    def command(self) -> list[str]:
        file = str(PROGRAMS / self.program)
        if file.endswith(".mjs"):
            return [*NODE, file]
        return [str(OLDER if str(self) in NEEDS_OLDER else PYTHON), file]

    def __str__(self) -> str:
        return " ".join([self.program, self.dialect]).strip()


HTTP_ERRORS = (["ModelHTTPError", 401], ["ModelHTTPError", 429])
RETRY_ERRORS = (["InstructorRetryException", None], ["InstructorRetryException", None])
API_CALL_ERRORS = (["APICallError", 401], ["APICallError", 429])
LANGCHAIN_ERRORS = {
    maker: ([f"{maker}AuthenticationError", 401], [f"{maker}RateLimitError", 429]) for maker in ("OpenAI", "Anthropic")
}
CLIENTS = (
    Client("openai_python.py"),
    Client("openai_python_responses.py"),
    Client("anthropic_python.py"),
    Client("openai_agents.py"),
    *(Client("pydanticai.py", dialect, HTTP_ERRORS) for dialect in ("chat", "responses", "messages")),
    *(Client("langchain_python.py", dialect, LANGCHAIN_ERRORS["OpenAI"]) for dialect in ("chat", "responses")),
    Client("langchain_python.py", "messages", LANGCHAIN_ERRORS["Anthropic"]),
    Client("instructor_python.py", "", RETRY_ERRORS, tuple(OBJECTS.items())),
    Client("llamaindex.py"),
    *(Client("openai_node.mjs", dialect) for dialect in ("chat", "responses")),
    Client("anthropic_node.mjs"),
    *(
        Client("vercel.mjs", dialect, API_CALL_ERRORS, tuple((TOOLS | OF_SCHEMA).items()))
        for dialect in ("chat", "responses", "messages")
    ),
)


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_a_library_gets_answers_streams_tools_and_errors(stage: Stage, tmp_path: Path, client: Client):
    stage.upstream.usual = WEATHER
    place = {
        "base": stage.console.url,
        "key": MASTER_KEY,
        "models": {kind: stage.group(kind) for kind in KINDS},
        "busy": stage.group("busy"),
    }
    said = json.loads(run([*client.command, json.dumps(place), client.dialect], tmp_path))
    assert [said.pop("wrong key"), said.pop("busy")] == list(client.errors)
    assert said == {kind: dict(client.said) for kind in KINDS}


# One of each program, as it comes.
FIRST = {client.program: client for client in reversed(CLIENTS)}.values()


@pytest.mark.smoke
@pytest.mark.parametrize("client", FIRST, ids=str)
def test_a_library_gets_an_answer_and_calls_a_tool(stage: Stage, tmp_path: Path, client: Client):
    stage.upstream.usual = WEATHER
    place = {"base": stage.console.url, "key": MASTER_KEY, "models": {"chat": stage.group("chat")}}
    said = json.loads(
        run([*client.command, json.dumps({**place, "ways": ["plain", "tool"]}), client.dialect], tmp_path)
    )
    assert said == {"chat": {way: dict(client.said)[way] for way in ("plain", "tool")}}
