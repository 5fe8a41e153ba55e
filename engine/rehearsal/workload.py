"""The requests of a run and their times: a closed loop, an open loop, or the replay of a trace."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise, repeat
from typing import Annotated, Any, Literal

from engine import fields
from engine.exceptions import BadInput
from engine.fields import WEEK_S, Between, Share, Text
from engine.rehearsal.arrivals import MOST_TOKENS as MOST_TOKENS
from engine.rehearsal.arrivals import Arrival as Arrival
from engine.rehearsal.clients import Clients
from engine.rehearsal.profiles import Spread
from engine.rehearsal.recorded_traffic import read_trace
from engine.rehearsal.turns import Conversations

MOST_REQUESTS = 1_000_000
DEFAULT_REQUESTS = 100
DEFAULT_CONCURRENCY = 10
# Standard deviation of the sizes of requests, as a share of their mean.
SIZE_SPREAD = Spread.of(0.5)
# The fields of a recording in a workload's JSON.
RECORDING = ("from", "until", "with_failures")

Kind = Literal["closed", "constant", "poisson", "bursty", "trace", "recorded"]
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
    "recorded": ("arrivals",),
}


@dataclass(frozen=True, slots=True)
class Recording:
    """Where recorded arrivals come from: the log of a period, and whether its failures became faults of the scenario.

    In JSON, these are `from`, `until` and `with_failures` of the workload.
    """

    since: Text
    until: Text
    with_failures: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return dict(zip(RECORDING, (self.since, self.until, self.with_failures), strict=True))

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, path: str) -> Recording:
        """The recording that `to_json` described; raises BadInput."""
        since, until = (fields.value_of(Text, data.get(name), f"{path}.{name}") for name in RECORDING[:2])
        return cls(since, until, fields.value_of(bool, data.get(RECORDING[2], False), f"{path}.{RECORDING[2]}"))


@dataclass(frozen=True, slots=True)
class Workload:
    """The requests of one run.

    `closed` keeps `concurrency` requests in flight. The others do not wait for answers: `constant` and `poisson` send
    at `rate_per_s`, `bursty` sends `burst_size` at once every `burst_every_s`, `trace` replays `arrivals`, `speed_up`
    times as fast, and `recorded` those of a group's own log, its `recording`. `input_tokens` and `output_tokens` are
    means. `conversations` says which requests belong together; a trace may name them itself. `clients` ask again and
    leave as they say; without them those of a closed loop behave like openai's client, and take the next request
    instead of the same one. `complexity` are the shares of requests by the tier of the virtual model that they call.
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
    recording: Recording | None = None
    clients: Clients | None = None
    complexity: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        for kind, names in NEEDS.items():
            for name in names:
                is_given = getattr(self, name) is not None
                if kind == self.kind and not is_given:
                    raise BadInput(name, f"This is needed for a {kind} workload.")
                if is_given and name not in NEEDS[self.kind]:
                    raise BadInput(name, f"This is nothing a {self.kind} workload has.")
        if self.speed_up != 1 and self.arrivals is None:
            raise BadInput("speed_up", f"This is nothing a {self.kind} workload has.")
        if self.recording is not None and self.kind != "recorded":
            raise BadInput(RECORDING[0], f"This is nothing a {self.kind} workload has.")
        if self.span_s > WEEK_S:
            days = self.span_s / 86_400
            raise BadInput("kind", f"This workload would last {days:,.0f} days; at most 7 can be rehearsed.")

    @property
    def has_conversations(self) -> bool:
        """Whether requests belong together."""
        return self.conversations is not None or any(arrival.conversation for arrival in self.arrivals or ())

    @property
    def has_streams(self) -> bool:
        """Whether any of the answers are streamed."""
        given = {self.is_stream if arrival.is_stream is None else arrival.is_stream for arrival in self.arrivals or ()}
        return True in given if given else self.is_stream

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
        """Plain JSON; arrivals as `[at_s, input_tokens, output_tokens]`, with the conversation as a fourth and whether
        it is a stream as a fifth, if known."""
        data = fields.written(self)
        if self.arrivals is not None:
            data["arrivals"] = [_row_of(arrival) for arrival in self.arrivals]
        if self.recording is not None:
            del data["recording"]
            data |= self.recording.to_json()
        if self.conversations is not None:
            data["conversations"] = self.conversations.to_json()
        if self.clients is not None:
            data["clients"] = self.clients.to_json()
        return data

    @classmethod
    def from_json(cls, data: object, *, path: str = "workload") -> Workload:
        """The workload that `to_json` described; raises BadInput."""
        rest = dict(fields.as_object(data, path))
        arrivals, conversations = rest.pop("arrivals", None), rest.pop("conversations", None)
        clients, complexity = rest.pop("clients", None), rest.pop("complexity", None)
        if complexity is not None:
            complexity = _shares(complexity, f"{path}.complexity")
        if arrivals is not None:
            arrivals = _arrivals(arrivals, f"{path}.arrivals")
        if conversations is not None:
            conversations = Conversations.from_json(conversations, path=f"{path}.conversations")
        told, recording = {name: rest.pop(name) for name in RECORDING if name in rest}, None
        if told:
            recording = Recording.from_json(told, path=path)
        if clients is not None:
            clients = Clients.from_json(clients, path=f"{path}.clients")
        parts = {"arrivals": arrivals, "conversations": conversations, "recording": recording, "clients": clients}
        parts["complexity"] = complexity
        return fields.read(cls, rest, path, **parts)

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

    A `trace` is the text of a file (CSV, or JSON lines), or `arrivals`. `num_requests` None means the whole trace, or
    the default for other kinds; a number beyond the trace's length is cut to it. Numbers in `data` win.
    """
    given = {} if data is None else dict(fields.as_object(data, "workload"))
    known = (name for name in Workload.__dataclass_fields__ if name != "recording")
    fields.refuse_unknown(given, (*known, "trace", *RECORDING), "workload")
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


def _size(tokens: float) -> int:
    """A whole number of tokens; only 0 of 0."""
    size = round(tokens)
    if 0 < size <= MOST_TOKENS:
        return size
    return MOST_TOKENS if size else int(tokens > 0)


def _read_text(trace: object) -> list[list[Any]]:
    if not isinstance(trace, str):
        raise BadInput("workload.trace", "Give the text of a CSV file, or of JSON lines.")
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


def _shares(data: object, path: str) -> dict[str, float]:
    """Shares by tier, of which at least one is not 0; they need not add up to 1."""
    given = fields.as_object(data, path)
    shares = {str(name): float(fields.value_of(Share, value, f"{path}.{name}")) for name, value in given.items()}
    if not any(shares.values()):
        raise BadInput(path, 'Give the share of each tier, from 0 to 1, such as {"simple": 0.8, "complex": 0.2}.')
    return shares


def _row_of(arrival: Arrival) -> list[Any]:
    """The arrival as JSON, without what is not known at its end."""
    if arrival.tier:
        return list(arrival)
    if arrival.is_stream is not None:
        return list(arrival[:5])
    return list(arrival[:4] if arrival.conversation else arrival[:3])


def _arrival(row: object, path: str) -> Arrival:
    if not isinstance(row, list) or len(row) not in (3, 4, 5, 6):
        raise BadInput(
            path,
            "Give [seconds, context tokens, generated tokens], if known a conversation's name (or ''), whether it is "
            "a stream, and its tier.",
        )
    at_s = fields.value_of(Annotated[float, Between(0, 10_000 * WEEK_S)], row[0], f"{path}[0]")
    name = fields.value_of(Text, row[3], f"{path}[3]") if len(row) > 3 and row[3] != "" else ""
    is_stream = fields.value_of(bool | None, row[4], f"{path}[4]") if len(row) > 4 else None
    read, written = (fields.value_of(Tokens, row[n], f"{path}[{n}]") for n in (1, 2))
    tier = fields.value_of(Text, row[5], f"{path}[5]") if len(row) > 5 and row[5] != "" else ""
    return Arrival(at_s, read, written, name, is_stream, tier)
