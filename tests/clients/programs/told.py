"""What a client's program prints: its answers at each group, and what it raises, as JSON.

Its argument names the place as JSON: {"base", "key", "models": {kind: group}, "busy": group}. With "ways" it asks in
those alone, and for no errors.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

PROMPT = "What is the weather in Paris?"
# Each way of asking: `plain`, `streamed` and `tool` (the answer after the tool's result), and what else a client can.
Ways = dict[str, Callable[[], Any]]
# One event loop for all: an asynchronous client keeps its connections in it.
wait = asyncio.Runner().run


@dataclass(frozen=True)
class Place:
    """The address, the key and the model."""

    base: str
    key: str
    model: str


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


def tell(ways: Callable[[Place], Ways]) -> None:
    """Asks in each way at every group, then with a wrong key and at a group whose provider is busy."""
    given = json.loads(sys.argv[1])
    place = Place(given["base"], given["key"], "")
    said: dict[str, Any] = {}
    for kind, model in given["models"].items():
        known = ways(replace(place, model=model))
        said[kind] = {way: known[way]() for way in given.get("ways", known)}
    if "ways" not in given:
        said |= _errors(ways, place, given)
    sys.stdout.write(json.dumps(said))


def _errors(ways: Callable[[Place], Ways], place: Place, given: dict[str, Any]) -> dict[str, Any]:
    model = next(iter(given["models"].values()))
    return {
        "wrong key": _raised(ways(replace(place, model=model, key="sk-wrong"))["plain"]),
        "busy": _raised(ways(replace(place, model=given["busy"]))["plain"]),
    }


def _raised(ask: Callable[[], Any]) -> list[Any]:
    """The error's class and its status."""
    try:
        ask()
    except Exception as error:  # whatever it raises is what is asked for
        return [type(error).__name__, getattr(error, "status_code", None)]
    return ["nothing was raised", None]
