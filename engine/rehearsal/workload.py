"""The requests of a run and their times: a closed loop, an open loop, or the replay of a trace."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise, repeat
from typing import Annotated, Any, Literal, NamedTuple

from engine import fields
from engine.exceptions import BadInput
from engine.fields import WEEK_S, Between, Text
from engine.rehearsal.profiles import Spread
from engine.rehearsal.turns import Conversations

MOST_REQUESTS = 1_000_000
MOST_TOKENS = 10_000_000
DEFAULT_REQUESTS = 100
DEFAULT_CONCURRENCY = 10
# Standard deviation of the sizes of requests, as a share of their mean.
SIZE_SPREAD = Spread.of(0.5)
COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
# A column that a trace may have beside them.
CONVERSATION = "Conversation"

Kind = Literal["closed", "constant", "poisson", "bursty", "trace"]
Requests = Annotated[int, Between(1, MOST_REQUESTS)]
Concurrency = Annotated[int, Between(1, 1000)]
Tokens = Annotated[int, Between(0, MOST_TOKENS)]
# The fields of each kind; no other kind may have them.
NEEDS: dict[Kind, tuple[str, ...]] = {
    "closed": (),
    "constant": ("rate_per_s",),
    "poisson": ("rate_per_s",),
    "bursty": ("burst_size", "burst_every_s"),
    "trace": ("arrivals",),
}


class Arrival(NamedTuple):
    """One request: its time in seconds of the run, its tokens (context, and to generate), and the name of its
    conversation."""

    at_s: float
    input_tokens: int
    output_tokens: int
    conversation: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    """The requests of one run.

    `closed` keeps `concurrency` requests in flight. The others do not wait for answers: `constant` and `poisson` send
    at `rate_per_s`, `bursty` sends `burst_size` at once every `burst_every_s`, `trace` replays `arrivals`, `speed_up`
    times as fast. `input_tokens` and `output_tokens` are means. `conversations` says which requests belong together; a
    trace may name them itself.
    """

    kind: Kind = "closed"
    num_requests: Requests = DEFAULT_REQUESTS
    concurrency: Concurrency = DEFAULT_CONCURRENCY
    rate_per_s: Annotated[float, Between(0.01, 10_000)] | None = None
    burst_size: Annotated[int, Between(1, 100_000)] | None = None
    burst_every_s: Annotated[float, Between(0.001, 86_400)] | None = None
    input_tokens: Tokens = 500
    output_tokens: Tokens = 100
    is_stream: bool = False
    speed_up: Annotated[float, Between(0.01, 10_000)] = 1.0
    arrivals: tuple[Arrival, ...] | None = None
    conversations: Conversations | None = None

    def __post_init__(self) -> None:
        for kind, names in NEEDS.items():
            for name in names:
                is_given = getattr(self, name) is not None
                if kind == self.kind and not is_given:
                    raise BadInput(name, f"This is needed for a {kind} workload.")
                if is_given and name not in NEEDS[self.kind]:
                    raise BadInput(name, f"This is nothing a {self.kind} workload has.")
        if self.speed_up != 1 and self.kind != "trace":
            raise BadInput("speed_up", f"This is nothing a {self.kind} workload has.")
        if self.span_s > WEEK_S:
            days = self.span_s / 86_400
            raise BadInput("kind", f"This workload would last {days:,.0f} days; at most 7 can be rehearsed.")

    @property
    def has_conversations(self) -> bool:
        """Whether requests belong together."""
        return self.conversations is not None or any(arrival.conversation for arrival in self.arrivals or ())

    @property
    def span_s(self) -> float:
        """About how long requests arrive, in seconds of the run; 0 for a closed loop."""
        if self.rate_per_s:
            return self.num_requests / self.rate_per_s
        if self.burst_size and self.burst_every_s:
            return (self.num_requests - 1) // self.burst_size * self.burst_every_s
        return self.arrivals[-1].at_s / self.speed_up if self.arrivals else 0.0

    def schedule(self, rng: random.Random) -> Iterator[Arrival]:
        """The requests in order, generated lazily; those of a closed loop are all at 0."""
        if self.conversations is None:
            return self._alone(rng)
        turns = self.conversations.turns_of(random.Random(rng.getrandbits(64)))  # noqa: S311
        return (self._turn(arrival, *turn) for arrival, turn in zip(self._alone(rng), turns, strict=False))

    def _turn(self, arrival: Arrival, name: str, size: float) -> Arrival:
        """The request as a turn of a conversation; a trace knows its own sizes, and perhaps its names."""
        if self.arrivals is not None:
            return arrival if arrival.conversation else arrival._replace(conversation=name)
        return Arrival(arrival.at_s, _size(arrival.input_tokens * size), arrival.output_tokens, name)

    def _alone(self, rng: random.Random) -> Iterator[Arrival]:
        """The requests without their conversations, but for those that a trace names."""
        if self.arrivals is not None:
            for arrival in self.arrivals[: self.num_requests]:
                yield arrival._replace(at_s=arrival.at_s / self.speed_up)
            return
        draw_two, tokens_read, tokens_written = SIZE_SPREAD.draw_two, self.input_tokens, self.output_tokens
        for at_s in self._moments(rng):
            first, second = draw_two(rng)
            read, written = round(tokens_read * first), round(tokens_written * second)
            if not (0 < read <= MOST_TOKENS and 0 < written <= MOST_TOKENS):
                read, written = _size(tokens_read * first), _size(tokens_written * second)
            yield Arrival(at_s, read, written)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; arrivals as `[at_s, input_tokens, output_tokens]`, with the conversation as a fourth if known."""
        data = fields.written(self)
        if self.arrivals is not None:
            data["arrivals"] = [list(arrival if arrival.conversation else arrival[:3]) for arrival in self.arrivals]
        if self.conversations is not None:
            data["conversations"] = self.conversations.to_json()
        return data

    @classmethod
    def from_json(cls, data: object, *, path: str = "workload") -> Workload:
        """The workload that `to_json` described; raises BadInput."""
        rest = dict(fields.as_object(data, path))
        arrivals, conversations = rest.pop("arrivals", None), rest.pop("conversations", None)
        if arrivals is not None:
            arrivals = _arrivals(arrivals, f"{path}.arrivals")
        if conversations is not None:
            conversations = Conversations.from_json(conversations, path=f"{path}.conversations")
        return fields.read(cls, rest, path, arrivals=arrivals, conversations=conversations)

    def _moments(self, rng: random.Random) -> Iterator[float]:
        at_s = 0.0
        if self.kind == "closed":
            yield from repeat(at_s, self.num_requests)
            return
        for number in range(self.num_requests):
            if self.kind == "poisson" and self.rate_per_s:
                at_s += rng.expovariate(self.rate_per_s)
            elif self.rate_per_s:
                at_s = number / self.rate_per_s
            elif self.burst_size and self.burst_every_s:
                at_s = number // self.burst_size * self.burst_every_s
            yield at_s


def parse_workload(
    data: Mapping[str, Any] | None, *, num_requests: int | None = None, concurrency: int | None = None
) -> Workload:
    """The workload in a request; raises BadInput.

    A `trace` is the text of a file, or `arrivals`. `num_requests` None means the whole trace, or the default for other
    kinds; a number beyond the trace's length is cut to it. Numbers in `data` win.
    """
    given = {} if data is None else dict(fields.as_object(data, "workload"))
    fields.refuse_unknown(given, (*Workload.__dataclass_fields__, "trace"), "workload")
    if num_requests is not None:
        given.setdefault("num_requests", fields.value_of(Requests, num_requests, "num_requests"))
    if concurrency is not None:
        given.setdefault("concurrency", fields.value_of(Concurrency, concurrency, "concurrency"))
    if (trace := given.pop("trace", None)) is not None:
        if "arrivals" in given:
            raise BadInput("workload.trace", "Give a trace or arrivals, not both.")
        given["arrivals"] = _read_text(trace)
    if isinstance(given.get("arrivals"), list):
        given.setdefault("num_requests", len(given["arrivals"]) or 1)
    return _shortened(Workload.from_json(given))


def _shortened(workload: Workload) -> Workload:
    """A trace cut to the requested number of arrivals."""
    if workload.arrivals is None:
        return workload
    kept = workload.arrivals[: workload.num_requests]
    return replace(workload, arrivals=kept, num_requests=len(kept))


def read_trace(lines: Iterable[str]) -> Iterator[Arrival]:
    """Arrivals from a CSV file with a header: TIMESTAMP, ContextTokens, GeneratedTokens, and any others, of which
    Conversation names requests that belong together.

    Sorted by time, relative to the first. Raises BadInput("trace") with the number of the wrong line.
    """
    rows = csv.reader(lines)
    try:
        columns, named_at = _columns(next(rows, []))
        found = [_row(row, columns, named_at, f"line {rows.line_num}") for row in rows if row]
    except csv.Error as error:
        raise BadInput("trace", f"line {rows.line_num}: {error}.") from None
    if not found:
        raise BadInput("trace", "The file has no requests.")
    found.sort(key=lambda row: row[0])
    first = found[0][0]
    return (Arrival((at - first).total_seconds(), read, written, name) for at, read, written, name in found)


def _size(tokens: float) -> int:
    """A whole number of tokens; only 0 of 0."""
    size = round(tokens)
    if 0 < size <= MOST_TOKENS:
        return size
    return MOST_TOKENS if size else int(tokens > 0)


def _read_text(trace: object) -> list[list[Any]]:
    if not isinstance(trace, str):
        raise BadInput("workload.trace", "Give the text of a CSV file.")
    try:
        return [list(arrival) for arrival in read_trace(trace.splitlines())]
    except BadInput as error:
        raise BadInput("workload.trace", error.message) from None


def _arrivals(rows: object, path: str) -> tuple[Arrival, ...]:
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_REQUESTS:
        raise BadInput(path, f"Give a list of 1 to {MOST_REQUESTS:,} arrivals.")
    arrivals = tuple(_arrival(row, f"{path}[{number}]") for number, row in enumerate(rows))
    for number, (before, after) in enumerate(pairwise(arrivals), start=1):
        if after.at_s < before.at_s:
            raise BadInput(f"{path}[{number}]", "This comes before the one above it; sort them by time.")
    return arrivals


def _arrival(row: object, path: str) -> Arrival:
    if not isinstance(row, list) or len(row) not in (3, 4):
        raise BadInput(path, "Give [seconds, context tokens, generated tokens], and a conversation's name if known.")
    at_s = fields.value_of(Annotated[float, Between(0, 10_000 * WEEK_S)], row[0], f"{path}[0]")
    name = fields.value_of(Text, row[3], f"{path}[3]") if len(row) == 4 and row[3] != "" else ""
    read, written = (fields.value_of(Tokens, row[n], f"{path}[{n}]") for n in (1, 2))
    return Arrival(at_s, read, written, name)


def _columns(header: list[str]) -> tuple[tuple[int, ...], int | None]:
    names = [name.strip().lstrip("\ufeff") for name in header]
    if missing := [name for name in COLUMNS if name not in names]:
        raise BadInput("trace", f"line 1: the header must name {', '.join(COLUMNS)}; {missing[0]} is missing.")
    named_at = names.index(CONVERSATION) if CONVERSATION in names else None
    return tuple(names.index(name) for name in COLUMNS), named_at


def _row(row: list[str], columns: tuple[int, ...], named_at: int | None, line: str) -> tuple[datetime, int, int, str]:
    if len(row) <= max(columns):
        raise BadInput("trace", f"{line}: it has fewer columns than the header.")
    timestamp, *tokens = (row[column].strip() for column in columns)
    try:
        at = datetime.fromisoformat(timestamp)
    except ValueError:
        raise BadInput("trace", f"{line}: TIMESTAMP must look like 2023-11-16 18:17:03.97996.") from None
    context, generated = (_count(text, name, line) for text, name in zip(tokens, COLUMNS[1:], strict=True))
    name = row[named_at].strip() if named_at is not None and named_at < len(row) else ""
    return at if at.tzinfo else at.replace(tzinfo=UTC), context, generated, name


def _count(text: str, column: str, line: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > MOST_TOKENS:
        raise BadInput("trace", f"{line}: {column} must be a whole number from 0 to {MOST_TOKENS:,}.")
    return int(text)
