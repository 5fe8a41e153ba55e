"""A completion as a chat, and back: for one text as the prompt, where the model knows only chats. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from engine.dialects.shapes import object_of, objects
from engine.dialects.translation import Untranslatable
from engine.upstreams.tokens import Usage

# What a chat can't do. Values that ask for nothing are as good as none.
IMPOSSIBLE = {"suffix": (None, ""), "echo": (None, False), "logprobs": (None,), "best_of": (None, 1)}
SAME = frozenset(
    {
        *("model", "stream", "stream_options", "temperature", "top_p", "n", "stop", "max_tokens", "seed", "user"),
        *("frequency_penalty", "presence_penalty", "logit_bias"),
    }
)
# OpenAI's own for completions; a chat would go on to its end.
USUAL_MAX_TOKENS = 16


def obstacle_of(body: dict[str, Any]) -> Untranslatable | None:
    """Why no chat can answer this; None where one can."""
    if _prompt(body) is None:
        return Untranslatable("prompt", "Models for chats complete one text, no list of texts or tokens.")
    found = next((name for name, none in IMPOSSIBLE.items() if body.get(name) not in none), None)
    return None if found is None else Untranslatable(found, f"Models for chats complete a text without '{found}'.")


def chat_of(body: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The chat request, and the names of parameters that are not in it."""
    kept = {name: value for name, value in body.items() if name in SAME and value is not None}
    lost = tuple(name for name in body if name not in SAME and name not in IMPOSSIBLE and name != "prompt")
    message = {"role": "user", "content": _prompt(body) or ""}
    return {"max_tokens": USUAL_MAX_TOKENS, **kept, "messages": [message]}, lost


def completion_of(chat: dict[str, Any]) -> dict[str, Any]:
    """The client's answer, or a chunk of it; thoughts are no text."""
    choices = [_choice(choice) for choice in objects(chat.get("choices"))]
    return {**chat, "object": "text_completion", "choices": choices}


class CompletionsEncoder:
    """Chunks of a chat -> those of a completion."""

    problem = ""

    def chunk(self, fields: dict[str, Any]) -> bytes:
        """Nothing for a chunk without text, end or usage."""
        said = completion_of(fields)
        if not fields.get("usage") and not any(one["text"] or one["finish_reason"] for one in said["choices"]):
            return b""
        return b"data: %b\n\n" % to_json(said)

    def can_go_on(self, fields: dict[str, Any]) -> bool:
        """Each chunk is read: few clients still ask for completions."""
        return False

    def more(self, texts: Sequence[bytes]) -> bytes:
        """Never asked for."""
        return b""

    def end(self, usage: Usage | None) -> bytes:
        """OpenAI's."""
        return b"data: [DONE]\n\n"

    def fail(self, message: str, type: str, code: str | None) -> bytes:
        """As in a chat."""
        error = {"message": message, "type": type, "param": None, "code": code}
        return b"data: %b\n\n" % to_json({"error": error})


def _prompt(body: dict[str, Any]) -> str | None:
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    return prompt if isinstance(prompt, str) else None


def _choice(choice: dict[str, Any]) -> dict[str, Any]:
    said = object_of(choice.get("message")) or object_of(choice.get("delta"))
    text = said.get("content")
    return {
        "index": choice.get("index", 0),
        "text": text if isinstance(text, str) else "",
        "finish_reason": choice.get("finish_reason"),
        "logprobs": None,
    }
