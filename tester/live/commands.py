"""The commands of a viewer: a JSON object, or the query string of the socket's URL."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import from_json

from tester.live.player import AT_ONCE
from tester.scene import Mode

SPEEDS: Mapping[Any, float] = {1: 1.0, 5: 5.0, 10: 10.0, 20: 20.0, "max": AT_ONCE}
MOST_CHARACTERS = 500
MOST_MS = 1e12
KNOWN = ("ack", "speed", "pause", "seek_ms", "mode")


class BadCommand(Exception):
    """An invalid command, with the reason."""


@dataclass(frozen=True, slots=True)
class ViewerCommand:
    """The requested changes; None keeps the current value. `ack` is the number of the last drawn frame."""

    ack: int | None = None
    speed: float | None = None
    is_paused: bool | None = None
    at_ms: float | None = None
    mode: Mode | None = None

    @property
    def begins_at_ms(self) -> float | None:
        """The start of a viewer with this command; None means the newest moment.

        A viewer with a speed starts at the beginning, one without a speed at the current state.
        """
        is_playing = self.speed not in (None, AT_ONCE) and not self.is_paused
        return 0.0 if is_playing and self.at_ms is None else self.at_ms


def command_in(text: str | None) -> ViewerCommand:
    """The command in a message; raises BadCommand."""
    if text is None or len(text) > MOST_CHARACTERS:
        raise BadCommand(f"Send JSON text of at most {MOST_CHARACTERS} characters.")
    try:
        said = from_json(text)
    except ValueError:
        raise BadCommand("This is not JSON.")
    if not isinstance(said, dict):
        raise BadCommand('Send a JSON object such as {"ack": 1}.')
    return _command(said)


def command_in_query(query: str) -> ViewerCommand:
    """The same command as `?speed=10&pause=true&seek_ms=0&mode=ordered`; other parameters are ignored.

    Raises BadCommand.
    """
    said = {name: _word(value) for name, value in parse_qsl(query) if name in KNOWN and name != "ack"}
    return _command(said)


def _word(value: str) -> Any:
    try:
        return from_json(value)
    except ValueError:
        return value


def _command(said: Mapping[str, Any]) -> ViewerCommand:
    if unknown := [name for name in said if name not in KNOWN]:
        raise BadCommand(f"Unknown: '{unknown[0][:40]}'. Known: {', '.join(KNOWN)}.")
    return ViewerCommand(
        ack=_checked(said, "ack", _is_whole, "a whole number"),
        speed=SPEEDS[said["speed"]] if _checked(said, "speed", _is_speed, '1, 5, 10, 20 or "max"') else None,
        is_paused=_checked(said, "pause", lambda value: isinstance(value, bool), "true or false"),
        at_ms=_checked(said, "seek_ms", _is_moment, "milliseconds from the beginning of the run"),
        mode=Mode(said["mode"]) if _checked(said, "mode", _is_mode, '"ordered" or "weighted"') else None,
    )


def _checked(said: Mapping[str, Any], name: str, is_fine: Any, wanted: str) -> Any:
    if name not in said:
        return None
    if not is_fine(said[name]):
        raise BadCommand(f"{name}: this must be {wanted}.")
    return said[name]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_speed(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool) and value in SPEEDS


def _is_moment(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and 0 <= value <= MOST_MS


def _is_mode(value: Any) -> bool:
    return isinstance(value, str) and value in set(Mode)
