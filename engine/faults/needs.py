"""The traffic that a scenario needs for its faults to strike: duration, rate, kind of requests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from engine import fields
from engine.faults.kinds import OF_STREAMS, ContextTooLong, Flapping, Quota
from engine.faults.targets import TargetedFault
from engine.fields import WEEK_S, Between
from engine.rehearsal.workload import (
    DEFAULT_REQUESTS,
    MOST_REQUESTS,
    MOST_TOKENS,
    Workload,
    parse_workload,
)

# The default: time for the faults to strike, and for the group to recover.
RATE_PER_S, HIGHEST_RATE_PER_S, LASTS_S, RECOVERY_S, PLAIN_S = 5.0, 50.0, 60.0, 20.0, 20.0
# A long scenario gets fewer requests per second, not more in total.
USUAL_MOST_REQUESTS = 10_000
TOKENS_OF_REQUEST = 600


@dataclass(frozen=True, slots=True)
class Needs:
    """The traffic that shows a scenario's effect: `rate_per_s` requests per second for `duration_s` seconds.

    Without a rate any traffic will do: a closed loop of the default size. `input_tokens` is the mean size of prompts,
    None for the default; `is_stream` asks for streamed answers.
    """

    duration_s: Annotated[float, Between(1, WEEK_S)]
    rate_per_s: Annotated[float, Between(0.01, 10_000)] | None = None
    is_stream: bool = False
    input_tokens: Annotated[int, Between(1, MOST_TOKENS)] | None = None

    @property
    def num_requests(self) -> int:
        """The number of requests."""
        return DEFAULT_REQUESTS if self.rate_per_s is None else _count(self.rate_per_s * self.duration_s)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; without the fields that are None."""
        return {name: value for name, value in fields.written(self).items() if value is not False}

    @classmethod
    def from_json(cls, data: object, *, path: str = "needs") -> Needs:
        """The needs that `to_json` described; raises BadInput."""
        return fields.read(cls, data, path)


def needs_of_faults(faults: Sequence[TargetedFault]) -> Needs:
    """The needs of faults whose scenario does not state any."""
    if not faults:
        return Needs(PLAIN_S)
    kinds = [aimed.fault for aimed in faults]
    duration_s = min(WEEK_S, max(_until_s(aimed) for aimed in faults))
    limits = [fault.limit_tokens for fault in kinds if isinstance(fault, ContextTooLong)]
    return Needs(
        duration_s=duration_s,
        rate_per_s=min(_rate_per_s(kinds), USUAL_MOST_REQUESTS / duration_s),
        is_stream=any(isinstance(fault, OF_STREAMS) for fault in kinds),
        input_tokens=min(MOST_TOKENS, max(limits)) if limits else None,
    )


def workload_for(
    needs: Needs | None,
    data: Mapping[str, Any] | None,
    *,
    num_requests: int | None = None,
    concurrency: int | None = None,
) -> Workload:
    """The requested workload, completed by the needs of the scenario; raises BadInput.

    `needs` is None without a scenario: then the defaults fill the gaps. `concurrency` makes a closed loop unless `data`
    describes the arrivals.
    """
    if needs is None:
        return parse_workload(data, num_requests=num_requests, concurrency=concurrency)
    given = {} if data is None else dict(fields.as_object(data, "workload"))
    has_length = num_requests is not None or bool(given.keys() & {"num_requests", "trace", "arrivals"})
    filled = _filled(given, needs, is_closed=concurrency is not None or "concurrency" in given)
    workload = parse_workload(filled, num_requests=num_requests if has_length else 1, concurrency=concurrency)
    return workload if has_length else replace(workload, num_requests=_length(workload, needs))


def _filled(given: Mapping[str, Any], needs: Needs, *, is_closed: bool) -> dict[str, Any]:
    """The given fields, with the needs in the gaps; all but the length."""
    filled = dict(given)
    if "kind" not in given and ("rate_per_s" in given or (needs.rate_per_s and not is_closed)):
        filled["kind"] = "poisson"
    if filled.get("kind") in ("constant", "poisson") and needs.rate_per_s:
        filled.setdefault("rate_per_s", needs.rate_per_s)
    if needs.is_stream:
        filled.setdefault("is_stream", True)
    if needs.input_tokens is not None:
        filled.setdefault("input_tokens", needs.input_tokens)
    return filled


def _length(workload: Workload, needs: Needs) -> int:
    """The number of requests with which the workload lasts as long as needed."""
    if workload.rate_per_s:
        return _count(workload.rate_per_s * needs.duration_s)
    if workload.burst_size and workload.burst_every_s:
        return _count(workload.burst_size * (needs.duration_s // workload.burst_every_s + 1))
    return needs.num_requests


def _count(requests: float) -> int:
    return min(MOST_REQUESTS, max(1, math.ceil(round(requests, 6))))


def _until_s(aimed: TargetedFault) -> float:
    if not math.isinf(aimed.end_s):
        return aimed.end_s + RECOVERY_S
    lasts_s = 2 * aimed.fault.period_s if isinstance(aimed.fault, Flapping) else 0.0
    return aimed.from_s + max(LASTS_S, lasts_s)


def _rate_per_s(kinds: Sequence[object]) -> float:
    """The default rate, or twice the largest quota."""
    quotas = [fault for fault in kinds if isinstance(fault, Quota)]
    limits = [fault.rpm or (fault.tpm or 0) / TOKENS_OF_REQUEST for fault in quotas]
    return min(HIGHEST_RATE_PER_S, max([RATE_PER_S, *(2 * limit / 60 for limit in limits)]))
