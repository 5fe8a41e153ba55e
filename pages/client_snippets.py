"""How each client calls a group: a few lines to copy, with the address of this console."""

from __future__ import annotations

from dataclasses import dataclass

KEY = "ROUTING_CONSOLE_KEY"


@dataclass(frozen=True)
class Snippet:
    """Lines to copy: for which client, what they are, and what one does with them."""

    client: str
    label: str
    code: str
    note: str = ""


def snippets_of(root: str, model: str, key: str = "") -> tuple[Snippet, ...]:
    """The snippets for a model at `root`, an address without a path; without `key` it is read from the environment."""
    words = {
        "@ROOT@": root.rstrip("/"),
        "@MODEL@": model,
        "@SHELL@": key or f"${KEY}",
        "@PYTHON@": f'"{key}"' if key else f'os.environ["{KEY}"]',
        "@NODE@": f'"{key}"' if key else f"process.env.{KEY}",
    }
    return tuple(Snippet(one.client, one.label, _filled(one.code, words), one.note) for one in _SNIPPETS)


def _filled(code: str, words: dict[str, str]) -> str:
    for place, word in words.items():
        code = code.replace(place, word)
    return code if "os.environ" in code else code.replace("import os\n", "", 1)


_SNIPPETS = (
    Snippet(
        "curl",
        "the curl command",
        """\
curl @ROOT@/v1/chat/completions \\
  -H "Authorization: Bearer @SHELL@" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "@MODEL@",
       "messages": [{"role": "user", "content": "Hello"}]}'""",
    ),
    Snippet(
        "OpenAI for Python",
        "the code for OpenAI's library",
        """\
import os
from openai import OpenAI

client = OpenAI(base_url="@ROOT@/v1", api_key=@PYTHON@)
answer = client.chat.completions.create(
    model="@MODEL@",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)""",
        "pip install openai",
    ),
    Snippet(
        "Anthropic for Python",
        "the code for Anthropic's library",
        """\
import os
from anthropic import Anthropic

client = Anthropic(base_url="@ROOT@", api_key=@PYTHON@)
answer = client.messages.create(
    model="@MODEL@",
    max_tokens=200,
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.content[-1].text)""",
        "pip install anthropic",
    ),
    Snippet(
        "Vercel's AI SDK",
        "the code for Vercel's AI SDK",
        """\
import { createOpenAI } from "@ai-sdk/openai";
import { generateText } from "ai";

const openai = createOpenAI({
  baseURL: "@ROOT@/v1",
  apiKey: @NODE@,
});
const { text } = await generateText({
  model: openai("@MODEL@"),
  prompt: "Hello",
});
console.log(text);""",
        "npm install ai @ai-sdk/openai",
    ),
    Snippet(
        "Claude Code",
        "the commands for Claude Code",
        """\
export ANTHROPIC_BASE_URL=@ROOT@
export ANTHROPIC_AUTH_TOKEN=@SHELL@
export ANTHROPIC_MODEL=@MODEL@
export ANTHROPIC_DEFAULT_HAIKU_MODEL=@MODEL@
claude""",
    ),
    Snippet(
        "Codex",
        "the configuration of Codex",
        f"""\
model = "@MODEL@"
model_provider = "console"

[model_providers.console]
name = "Routing Console"
base_url = "@ROOT@/v1"
env_key = "{KEY}"
wire_api = "responses\"""",
        "~/.codex/config.toml",
    ),
)
