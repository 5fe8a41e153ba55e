"""A local server in the place of OpenAI: it knows one key, lists some models, and answers chats."""

from __future__ import annotations

from dataclasses import dataclass

from tests.fakes import Exchange, Ok, Status

KEY = "sk-proj-of-a-newcomer-0123456789abcdef"
MODELS = ("dall-e-3", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini", "text-embedding-3-small")


@dataclass(frozen=True)
class OpenAiStandIn:
    """Refuses other keys with OpenAI's words, else behaves as OpenAI's API."""

    models: tuple[str, ...] = MODELS

    async def play(self, exchange: Exchange) -> None:
        if exchange.headers.get("authorization") != f"Bearer {KEY}":
            await Status(401, message="Incorrect API key provided.").play(exchange)
        elif exchange.path.endswith("/models"):
            rows = [{"id": name, "object": "model", "owned_by": "openai"} for name in self.models]
            await exchange.answer(200, {"object": "list", "data": rows})
        else:
            await Ok("Hello.").play(exchange)
