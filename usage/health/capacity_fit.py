"""Attempts at a deployment, with how many were under way -> what it can take at a time. Pure.

How many were in flight follows from when attempts began and ended. Three things are looked for, each by itself:

- **A queue before slots.** With `s` slots and first come, first served, the n-th attempt (from 0) starts when n - s + 1
  others have left. For each `s` that follows from the recorded ends, without any assumption on how long answers take.
  The right `s` leaves, after the wait is taken off, times that do not depend on the wait: of those that leave none
  below 0, the one with the least spread (mean absolute deviation from the median) is taken.
- **Refusals beyond a number in flight.** They count only where that number parts refused from accepted attempts. A 429
  that comes at any load is a limit a minute, which is set elsewhere.
- **A speed that streams share.** A stream writes at its own speed, or at its part of the total: v = min(own,
  total / n), with the mean of 1/n over the time that it wrote.

It refuses to guess: with fewer than `FEWEST` answers, where hardly any attempt met another, and where load explains
less than `GAIN` of the spread. Whole answers do not show when they began, so theirs may be waits or a shared speed. Of
them a queue is told only where the times without the waits follow the lengths of the answers, and more closely than
they would with a shared speed, which is never told of them. All attempts at the upstream have to be given: where others
use it as well, a queue looks like chance, and fewer slots or none are found.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise

from engine.rehearsal.capacity import MOST_QUEUED, MOST_SLOTS, Capacity

# Answers that are needed at all; attempts that must have waited, or shared; and refusals.
FEWEST, FEWEST_UNDER_LOAD, FEWEST_REFUSED = 100, 20, 10
# The share of the spread under load that a limit has to explain.
GAIN = 0.4
# Of what is left, by how much those under load may differ from the others.
MOST_BIAS = 0.2
# The share of refused attempts that met at least as many as the limit; and for each of them how many accepted ones may
# have, too: that one has left is heard after its place is free, and meanwhile another may have got it.
PARTED, HEARD_LATE = 0.95, 0.2
# The share of answers that may seem to begin before a slot was free: clocks and networks are not exact.
IMPOSSIBLE = 0.02
# The correlation of times with lengths of answers, from which on they hang together.
FOLLOWS = 0.5


class SeenLimit(StrEnum):
    """What the attempts say."""

    LIMITED = "limited"
    UNLIMITED = "no_limit_seen"
    TOO_FEW = "too_few_rows"
    IDLE = "never_under_load"


@dataclass(frozen=True, slots=True)
class SeenAttempt:
    """One attempt; moments in seconds on any one clock. `first_token_s` is known of streams only. One that is neither
    answered nor refused (429) took a place all the same."""

    began_s: float
    ended_s: float
    first_token_s: float | None = None
    output_tokens: int = 0
    is_answered: bool = True
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class FittedCapacity:
    """`rows` answers were looked at, of which at most `most_at_once` were under way together.

    `slots` without `places` has a queue in which nobody was seen refused; `places` are slots and queue together.
    `shared_from` streams on, the speed is shared.
    """

    found: SeenLimit
    rows: int
    most_at_once: int
    slots: int | None = None
    places: int | None = None
    decode_tokens_per_s: float | None = None
    shared_from: int = 1

    @property
    def capacity(self) -> Capacity | None:
        """As a rehearsal takes it; None without a limit."""
        if self.found is not SeenLimit.LIMITED:
            return None
        slots = self.slots or self.places or MOST_SLOTS
        queue = MOST_QUEUED if self.places is None else self.places - slots
        return Capacity(slots, queue, decode_tokens_per_s=self.decode_tokens_per_s)


def fitted_capacity(attempts: Sequence[SeenAttempt]) -> FittedCapacity:
    """What the attempts say, in any order."""
    ordered = sorted(attempts, key=lambda one: one.began_s)
    taken = [one for one in ordered if not one.is_refused]
    answered = [one for one in taken if one.is_answered]
    met = _met(ordered, taken)
    most = max((count + 1 for one, count in zip(ordered, met, strict=True) if not one.is_refused), default=0)
    if len(answered) < FEWEST:
        return FittedCapacity(SeenLimit.TOO_FEW, len(answered), most)
    if sum(count > 0 for count in met) < FEWEST_UNDER_LOAD:
        return FittedCapacity(SeenLimit.IDLE, len(answered), most)
    slots, places, (speed, knee) = _slots(taken, most), _places(ordered, met), _shared_speed(taken)
    # Who is refused beyond so many never saw a longer queue.
    slots = None if slots is not None and places is not None and slots >= places else slots
    found = SeenLimit.UNLIMITED if slots is places is speed is None else SeenLimit.LIMITED
    return FittedCapacity(found, len(answered), most, slots, places, speed, knee)


def burdens(attempts: Sequence[SeenAttempt], fitted: FittedCapacity) -> list[tuple[float, float]]:
    """What the others made of each: the seconds that it waited for a slot, and its part of the speed it had alone."""
    order = sorted((n for n, one in enumerate(attempts) if not one.is_refused), key=lambda n: attempts[n].began_s)
    taken = [attempts[n] for n in order]
    waits = [0.0] * len(taken) if fitted.slots is None else _waits(taken, fitted.slots)
    parts = [1.0] * len(taken) if fitted.decode_tokens_per_s is None else _parts([_writing(one) for one in taken])
    known = {n: (wait, min(1.0, fitted.shared_from * part)) for n, wait, part in zip(order, waits, parts, strict=True)}
    return [known.get(n, (0.0, 1.0)) for n in range(len(attempts))]


def _waits(taken: Sequence[SeenAttempt], slots: int) -> list[float]:
    ends = sorted(one.ended_s for one in taken)
    return [max(0.0, ends[n - slots] - one.began_s) if n >= slots else 0.0 for n, one in enumerate(taken)]


def _writing(one: SeenAttempt) -> tuple[float, float]:
    """From when to when it wrote, if it is a stream."""
    return one.ended_s if one.first_token_s is None else one.first_token_s, one.ended_s


def _met(ordered: Sequence[SeenAttempt], taken: Sequence[SeenAttempt]) -> list[int]:
    """How many were under way when each began."""
    ends = sorted(one.ended_s for one in taken)
    before = accumulate((not one.is_refused for one in ordered), initial=0)
    return [begun - bisect_left(ends, one.began_s) for begun, one in zip(before, ordered, strict=False)]


# Slots


def _slots(taken: Sequence[SeenAttempt], most: int) -> int | None:
    streams = sum(one.is_answered and one.first_token_s is not None for one in taken) >= FEWEST
    rows = [n for n, one in enumerate(taken) if one.is_answered and (one.first_token_s is not None) >= streams]
    took = [_took(taken[n], is_stream=streams) for n in rows]
    ends = sorted(one.ended_s for one in taken)

    def waits_with(slots: int) -> list[float]:
        return [max(0.0, ends[n - slots] - taken[n].began_s) if n >= slots else 0.0 for n in rows]

    def is_possible(slots: int) -> bool:
        early = sum(time < wait for time, wait in zip(took, waits_with(slots), strict=True))
        return early <= IMPOSSIBLE * len(rows)

    best, least = None, _deviation(took)
    # Nobody is served before a slot is free: the more slots, the fewer answers seem to be.
    for slots in range(1 + bisect_left(range(1, most), True, key=is_possible), most):
        waits = waits_with(slots)
        if sum(wait > 0 for wait in waits) < FEWEST_UNDER_LOAD:
            break
        left = [time - wait for time, wait in zip(took, waits, strict=True)]
        if (spread := _deviation(left)) < least:
            best, least = (slots, waits, left), spread
    if best is None or not _explains(took, best[2], [wait > 0 for wait in best[1]]):
        return None
    if not streams and not _is_rather_a_queue([taken[n] for n in rows], best[2], took):
        return None
    return best[0]


def _took(one: SeenAttempt, *, is_stream: bool) -> float:
    end = one.first_token_s if is_stream and one.first_token_s is not None else one.ended_s
    return end - one.began_s


def _is_rather_a_queue(whole: Sequence[SeenAttempt], left: Sequence[float], took: Sequence[float]) -> bool:
    """Whether the times without waits follow the lengths of the answers, and more closely than times at a shared speed
    do."""
    lengths = [float(one.output_tokens) for one in whole]
    parts = _parts([(one.began_s, one.ended_s) for one in whole])
    knees = range(1, 1 + math.ceil(max(1 / part for part in parts)))
    shared = ([time * min(1.0, knee * part) for time, part in zip(took, parts, strict=True)] for knee in knees)
    return _follows(left, lengths) > max(FOLLOWS, *(_follows(alone, lengths) for alone in shared))


def _follows(times: Sequence[float], lengths: Sequence[float]) -> float:
    if min(times) == max(times) or min(lengths) == max(lengths):
        return 0.0
    return statistics.correlation(times, lengths)


# Refusals


def _places(ordered: Sequence[SeenAttempt], met: Sequence[int]) -> int | None:
    refused = sorted(count for one, count in zip(ordered, met, strict=True) if one.is_refused)
    if len(refused) < FEWEST_REFUSED:
        return None
    limit = refused[int(len(refused) * (1 - PARTED))]
    accepted = [count for one, count in zip(ordered, met, strict=True) if not one.is_refused]
    # Those just below it must have been there, and taken; else the refusals come at any load.
    near = [count for count in accepted if count >= limit - 1]
    if limit < 1 or sum(count >= limit for count in near) > HEARD_LATE * len(refused):
        return None
    return limit if near else None


# Speed


def _shared_speed(taken: Sequence[SeenAttempt]) -> tuple[float | None, int]:
    """Tokens per second of all together, and from how many streams on it is shared."""
    streams = [one for one in taken if one.is_answered and one.first_token_s is not None and one.output_tokens > 0]
    spans = [_writing(one) for one in streams]
    if len(streams) < FEWEST:
        return None, 1
    parts = _parts(spans)
    enough = statistics.median(one.output_tokens for one in streams) / 4
    rows = [
        (math.log(one.output_tokens / (end - begin)), math.log(part))
        for one, (begin, end), part in zip(streams, spans, parts, strict=True)
        if one.output_tokens >= enough and end > begin
    ]
    speeds = [speed for speed, _ in rows]
    best, least = None, _deviation(speeds)
    for knee in range(1, math.ceil(max(math.exp(-part) for _, part in rows))):
        whole = math.log(knee)
        left = [speed - part - whole if part < -whole else speed for speed, part in rows]
        if (spread := _deviation(left)) < least:
            best, least = (knee, left), spread
    if best is None or not _explains(speeds, best[1], [part < -math.log(best[0]) for _, part in rows], is_log=True):
        return None, 1
    return round(best[0] * math.exp(statistics.median(best[1])), 3), best[0]


def _parts(spans: Sequence[tuple[float, float]]) -> list[float]:
    """The mean of 1/n over each span, where n are the spans at the same time."""
    moments = sorted({moment for span in spans for moment in span})
    begins, ends = sorted(span[0] for span in spans), sorted(span[1] for span in spans)
    counts, begun, ended = [], 0, 0
    for moment in moments[:-1]:
        while begun < len(begins) and begins[begun] <= moment:
            begun += 1
        while ended < len(ends) and ends[ended] <= moment:
            ended += 1
        counts.append(max(1, begun - ended))
    pieces = ((after - before) / count for (before, after), count in zip(pairwise(moments), counts, strict=True))
    sums = list(accumulate(pieces, initial=0.0))
    place = {moment: n for n, moment in enumerate(moments)}
    return [(sums[place[b]] - sums[place[a]]) / (b - a) if b > a else 1.0 for a, b in spans]


# How well a limit explains what was seen


def _deviation(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return sum([abs(value - middle) for value in values]) / len(values)


def _explains(seen: Sequence[float], left: Sequence[float], loaded: Sequence[bool], *, is_log: bool = False) -> bool:
    """Whether those under load are, without its effect, as the others are; and whether much of their spread is gone."""
    under = [(one, rest) for one, rest, is_under in zip(seen, left, loaded, strict=True) if is_under]
    if len(under) < FEWEST_UNDER_LOAD:
        return False
    free = [rest for rest, is_under in zip(left, loaded, strict=True) if not is_under]
    middle = statistics.median(free if len(free) >= FEWEST_UNDER_LOAD else left)
    before = sum(abs(one - middle) for one, _ in under)
    after = sum(abs(rest - middle) for _, rest in under)
    bias = abs(statistics.median(rest for _, rest in under) - middle)
    return after <= (1 - GAIN) * before and bias <= MOST_BIAS * (1.0 if is_log else middle)
