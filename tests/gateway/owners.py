"""Keys of people, and the clients that use them."""

from __future__ import annotations

import itertools
from typing import Any

from openai import OpenAI

from tests.servers import Console

_numbers = itertools.count(1)


def issued(console: Console, **fields: Any) -> dict[str, Any]:
    """A key of a new person."""
    name = f"owner-{next(_numbers)}"
    console.call(
        "POST", "/api/v1/llm/users", {"username": name, "role": "viewer", "password": "a long enough password"}
    )
    return dict(console.call("POST", "/api/v1/llm/keys", {"name": name, "owner": name, **fields}))


def client_of(console: Console, key: str) -> OpenAI:
    return OpenAI(base_url=f"{console.url}/v1", api_key=key, max_retries=0, timeout=30)


def new_key(console: Console) -> OpenAI:
    """A client with a key of its own."""
    return client_of(console, issued(console)["key"])
