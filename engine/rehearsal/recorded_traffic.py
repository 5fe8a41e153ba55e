"""The recorded traffic of a group: when its requests came, their sizes, how they ended, and what was attempted.

Never prompts, people or keys. One request is one line of JSON in a file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from statistics import median_low
from typing import Any

from engine.exceptions import BadInput
from engine.ledger import KEY_REFUSALS
from engine.outcomes import Outcome
from engine.rehearsal.arrivals import MOST_TOKENS, Arrival, read_csv

# Of a period in which no request has told its tokens.
USUAL_INPUT, USUAL_OUTPUT = 500, 100
MOMENT = "2030-01-31T14:30:00.5Z"
LONGEST_TEXT = 128


@dataclass(frozen=True, slots=True)
class RecordedAttempt:
    """One attempt of a recorded request: where and when, and how it ended.

    `status` is the ledger's; `has_begun`: a stream's first token came. `is_own_key_refused`: what failed was a key of
    the caller, which says nothing about the deployment.
    """

    deployment_id: str
    at: datetime
    status: str
    status_code: int | None = None
    error_class: str = ""
    has_begun: bool = False
    is_own_key_refused: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "deployment_id": self.deployment_id,
            "at": told(self.at),
            "status": self.status,
            "status_code": self.status_code,
            "error_class": self.error_class or None,
            "first_token": self.has_begun,
            "own_key_refused": self.is_own_key_refused,
        }


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One recorded request; tokens are None where none were counted, as for most that failed. `score` is the complexity
    of its message, if a virtual model chose by it."""

    at: datetime
    input_tokens: int | None
    output_tokens: int | None
    is_stream: bool
    outcome: str
    attempts: tuple[RecordedAttempt, ...] = ()
    score: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: one line of the file."""
        return {
            "at": told(self.at),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "stream": self.is_stream,
            "outcome": self.outcome,
            **({} if self.score is None else {"score": self.score}),
            "attempts": [attempt.to_json() for attempt in self.attempts],
        }


def told(moment: datetime) -> str:
    """A moment in UTC: `2030-01-31T14:30:00.500000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def attempt_of(row: Mapping[str, Any]) -> RecordedAttempt:
    """One attempt as the request log has it: the ledger's, with its time as text."""
    code = row.get("status_code")
    return RecordedAttempt(
        str(row.get("deployment_id") or ""),
        datetime.fromisoformat(row["started_at"]),
        str(row.get("status") or ""),
        code,
        str(row.get("error_class") or ""),
        row.get("first_token_ms") is not None,
        row.get("status") == "error" and bool(row.get("own_key")) and (code in KEY_REFUSALS or code == 400),
    )


def that_came_to_routing(requests: Iterable[RecordedRequest]) -> Iterator[RecordedRequest]:
    """Those that a rehearsal repeats: not those that were refused, by a key or a limit, before anybody was asked."""
    return (one for one in requests if one.attempts or one.outcome != Outcome.REFUSED)


def arrivals_of(
    requests: Sequence[RecordedRequest], tier_of: Callable[[int], str] = lambda _: ""
) -> tuple[Arrival, ...]:
    """Their arrivals, relative to the first; unknown tokens are those of the median request of this traffic.

    `tier_of` is the tier of a virtual model by the score.
    """
    requests = sorted(requests, key=lambda one: one.at)
    if not requests:
        return ()
    first = requests[0].at
    usual_read = _usual((one.input_tokens for one in requests), USUAL_INPUT)
    usual_written = _usual((one.output_tokens for one in requests), USUAL_OUTPUT)
    return tuple(
        Arrival(
            (one.at - first).total_seconds(),
            usual_read if one.input_tokens is None else min(one.input_tokens, MOST_TOKENS),
            usual_written if one.output_tokens is None else min(one.output_tokens, MOST_TOKENS),
            "",
            one.is_stream,
            "" if one.score is None else tier_of(one.score),
        )
        for one in requests
    )


def _usual(tokens: Iterable[int | None], otherwise: int) -> int:
    known = [count for count in tokens if count is not None]
    return min(MOST_TOKENS, median_low(known)) if known else otherwise


def read_trace(lines: Iterable[str]) -> Iterator[Arrival]:
    """Arrivals from a file, which is CSV or has JSON lines; relative to the first.

    Raises BadInput("trace") with the number of the wrong line.
    """
    given = iter(lines)
    first_line = next(given, "")
    whole = chain([first_line], given)
    return iter(arrivals_of(read_json_lines(whole))) if is_json_lines(first_line) else read_csv(whole)


def is_json_lines(text: str) -> bool:
    """Whether a file that begins so has JSON lines."""
    return text.lstrip("\ufeff \t").startswith("{")


def read_json_lines(lines: Iterable[str]) -> list[RecordedRequest]:
    """The requests in a file, in the order of their time; raises BadInput("trace") with the number of the wrong line.

    Unknown fields are ignored.
    """
    found = [
        _Line(number, line.strip().removeprefix("\ufeff")).request()
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    routed = [*that_came_to_routing(found)]
    if not routed:
        raise BadInput("trace", "The file has no requests.")
    return sorted(routed, key=lambda one: one.at)


class _Line:
    """One line of a file."""

    def __init__(self, number: int, text: str) -> None:
        self._number = number
        try:
            self._data = json.loads(text)
        except (ValueError, RecursionError):
            raise self._wrong("this is not a JSON object") from None
        if not isinstance(self._data, dict):
            raise self._wrong("this is not a JSON object")

    def request(self) -> RecordedRequest:
        data = self._data
        outcome, stream, attempts = data.get("outcome", "answered"), data.get("stream", False), data.get("attempts")
        if outcome not in {one.value for one in Outcome}:
            raise self._wrong(f"outcome must be one of {', '.join(one.value for one in Outcome)}")
        if not isinstance(stream, bool):
            raise self._wrong("stream must be true or false")
        if not isinstance(attempts := [] if attempts is None else attempts, list):
            raise self._wrong("attempts must be a list")
        return RecordedRequest(
            self._moment(data.get("at"), "at"),
            self._tokens("input_tokens"),
            self._tokens("output_tokens"),
            stream,
            outcome,
            tuple(self._attempt(row) for row in attempts),
            self._score(),
        )

    def _attempt(self, row: object) -> RecordedAttempt:
        if not isinstance(row, dict):
            raise self._wrong("each attempt must be an object")
        code, texts = row.get("status_code"), [row.get("deployment_id"), row.get("status"), row.get("error_class")]
        if any(not isinstance(text, str) or len(text) > LONGEST_TEXT for text in texts if text is not None):
            raise self._wrong("deployment_id, status and error_class of an attempt must be short texts")
        if not (code is None or (isinstance(code, int) and not isinstance(code, bool))):
            raise self._wrong("status_code of an attempt must be a whole number or null")
        name, status, error_class = (text or "" for text in texts)
        flags = (bool(row.get("first_token")), bool(row.get("own_key_refused")))
        return RecordedAttempt(name, self._moment(row.get("at"), "at of an attempt"), status, code, error_class, *flags)

    def _score(self) -> int | None:
        score = self._data.get("score")
        if score is not None and (isinstance(score, bool) or not isinstance(score, int)):
            raise self._wrong("score must be a whole number, or null")
        return score

    def _tokens(self, name: str) -> int | None:
        count = self._data.get(name)
        if count is None:
            return None
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST_TOKENS:
            raise self._wrong(f"{name} must be a whole number from 0 to {MOST_TOKENS:,}, or null")
        return count

    def _moment(self, text: object, name: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        except ValueError:
            moment = None
        if moment is None:
            raise self._wrong(f"{name} must look like {MOMENT}")
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _wrong(self, why: str) -> BadInput:
        return BadInput("trace", f"line {self._number}: {why}.")
