"""instructor over OpenAI's library: answers as objects, which it asks for as a call of a tool."""

from __future__ import annotations

from typing import Any

import instructor
from openai import OpenAI
from pydantic import BaseModel
from told import PROMPT, Place, Ways, tell

HI: Any = [{"role": "user", "content": PROMPT}]


class City(BaseModel):
    """A city."""

    city: str


def ways(place: Place) -> Ways:
    client = OpenAI(base_url=f"{place.base}/v1", api_key=place.key, max_retries=0, timeout=30)

    def ask(mode: instructor.Mode, **options: Any) -> Any:
        patched = instructor.from_openai(client, mode=mode)
        return patched.chat.completions.create(
            model=place.model, messages=HI, response_model=City, max_retries=0, **options
        )

    def streamed() -> Any:
        patched = instructor.from_openai(client, mode=instructor.Mode.TOOLS)
        parts = patched.chat.completions.create_partial(model=place.model, messages=HI, response_model=City)
        return list(parts)[-1].city

    return {
        "plain": lambda: ask(instructor.Mode.JSON_SCHEMA).city,
        "streamed": streamed,
        "tool": lambda: ask(instructor.Mode.TOOLS).city,
    }


tell(ways)
