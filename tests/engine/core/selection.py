"""Picks of our policies beside those of LiteLLM's Router, both fed the same answers, failures, prices and limits.

Each case is equal, or says why it differs on purpose.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol

import litellm
import time_machine
from litellm.types.router import RouterRateLimitError

from engine.core.actions import Ask
from engine.core.failures import Failure, kind_of_status
from engine.core.journey import Journey
from engine.core.policies import POLICIES
from engine.core.state import Group, RoutingState, Target

KEYS, NOBODY = "abc", "nobody"
GLOBAL_LISTS = (
    "callbacks", "input_callback", "success_callback", "failure_callback", "_async_success_callback",
    "_async_failure_callback",
)  # fmt: skip
THEIRS = {"priority-failover": "simple-shuffle", "weighted": "simple-shuffle"}
# Of the chi-square test at one in 10,000, by degrees of freedom.
LIMITS = {1: 15.1, 2: 18.4, 3: 21.1}


class Fed(Protocol):
    """One side of the comparison."""

    def began(self, key: str) -> None: ...
    def sent(self, key: str) -> None: ...
    def answered(self, key: str, seconds: float, *, output: int = 100, total: int = 100) -> None: ...
    def failed(self, key: str, status: int) -> None: ...


def nothing(side: Fed) -> None:
    """Feeds nothing."""


@dataclass(frozen=True)
class Case:
    """`rows` has fields of single deployments, `feed` what happens before the picks, `differs` why on purpose."""

    name: str
    strategy: str
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    feed: Callable[[Fed], None] = nothing
    is_stream: bool = False
    differs: str = ""


class Ours:
    """The core, at one moment in the middle of a minute."""

    def __init__(self, case: Case) -> None:
        self._case, self._now, self._rng = case, 90.0, Random(1)
        state = RoutingState()
        self._targets = {key: _target(state, key, case) for key in KEYS if case.rows.get(key, {}).get("weight") != 0}
        ranks = sorted({target.rank for target in self._targets.values()})
        tiers = tuple(tuple(t for t in self._targets.values() if t.rank == rank) for rank in ranks)
        self._group = Group("g", tiers, POLICIES[case.strategy])

    def began(self, key: str) -> None:
        self._targets[key].health.in_flight += 1

    def sent(self, key: str) -> None:
        health = self._targets[key].health
        health.roll(self._now)
        health.requests += 1

    def answered(self, key: str, seconds: float, *, output: int = 100, total: int = 100) -> None:
        health = self._targets[key].health
        health.answered(self._now, seconds / 10 if self._case.is_stream else None, seconds, output)
        health.roll(self._now)
        health.tokens += total

    def failed(self, key: str, status: int) -> None:
        breaker = self._targets[key].health.breaker
        breaker.sent += 1
        breaker.failed(self._now, Failure(kind_of_status(status)), 0)

    def pick(self) -> str:
        action = Journey({}, self._group, self._rng, deadline_s=math.inf, is_stream=self._case.is_stream).begin(
            self._now
        )
        if not isinstance(action, Ask):
            return NOBODY
        health = action.target.health
        health.in_flight -= 1
        health.requests -= 1  # a pick alone uses nothing, as in LiteLLM
        health.breaker.left(action.ticket)
        return action.target.key


class Theirs:
    """LiteLLM's Router."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._router = litellm.Router(
            model_list=[_row(key, case) for key in KEYS],
            routing_strategy=THEIRS.get(case.strategy, case.strategy),
            num_retries=0,
        )
        self._router.cache.in_memory_cache.max_size_in_memory = 20_000
        self._selectors = [
            selector
            for name in ("leastbusy_logger", "lowesttpm_logger_v2", "lowestlatency_logger")
            if (selector := getattr(self._router, name)) is not None
        ]

    def began(self, key: str) -> None:
        for selector in self._selectors:
            selector.log_pre_api_call("g", [], self._told(key))

    def sent(self, key: str) -> None:
        for selector in self._selectors:
            selector.pre_call_check(_row(key, self._case))

    def answered(self, key: str, seconds: float, *, output: int = 100, total: int = 100) -> None:
        end = datetime.now()
        start, response = end - timedelta(seconds=seconds), litellm.ModelResponse()
        response.usage = litellm.Usage(total - output, output, total)
        told = self._told(key) | {"completion_start_time": start + timedelta(seconds=seconds / 10)}
        told["standard_logging_object"]["total_tokens"] = total
        for selector in self._selectors:
            selector.log_success_event(told, response, start, end)

    def failed(self, key: str, status: int) -> None:
        error = litellm.exceptions.APIError(status, "scripted", "openai", "m")
        told = self._told(key) | {"exception": error}
        self._router.deployment_callback_on_failure(told, None, datetime.now(), datetime.now())

    async def pick(self) -> str:
        kwargs = {"stream": self._case.is_stream, "metadata": {}}
        try:
            row = await self._router.async_get_available_deployment("g", request_kwargs=kwargs, messages=[])
        except (RouterRateLimitError, ValueError, litellm.RateLimitError):
            return NOBODY
        return str(row["model_info"]["id"])

    def _told(self, key: str) -> dict[str, Any]:
        model = f"openai/m{key}"
        return {
            "stream": self._case.is_stream,
            "litellm_params": {"metadata": {"model_group": "g", "deployment": model}, "model_info": {"id": key}},
            "standard_logging_object": {
                "model_group": "g", "model_id": key, "hidden_params": {"litellm_model_name": model}, "total_tokens": 0,
            },
        }  # fmt: skip


async def compared(case: Case, picks: int) -> tuple[Counter[str], Counter[str], bool]:
    """What LiteLLM picks, what we pick, and whether that is the same but for chance."""
    # LiteLLM counts by the minute of the wall clock.
    with time_machine.travel(datetime(2026, 1, 1, 12, 0, 30), tick=False), _callbacks_of_its_own():
        # The global one, which LiteLLM draws from.
        random.seed(1)
        theirs, ours = Theirs(case), Ours(case)
        case.feed(theirs)
        case.feed(ours)
        them = Counter([await theirs.pick() for _ in range(picks)])
    us = Counter(ours.pick() for _ in range(picks))
    return them, us, is_alike(them, us)


def is_alike(one: Counter[str], other: Counter[str]) -> bool:
    """Whether both may be draws of one distribution."""
    names = one.keys() | other.keys()
    totals = one.total(), other.total()
    distance = 0.0
    for name in names:
        share = (one[name] + other[name]) / sum(totals)
        for side, total in zip((one, other), totals, strict=True):
            distance += (side[name] - share * total) ** 2 / (share * total)
    return len(names) == 1 or distance < LIMITS[len(names) - 1]


@contextmanager
def _callbacks_of_its_own() -> Iterator[None]:
    """LiteLLM keeps every router's callbacks in global lists of at most a hundred entries."""
    before = {name: list(getattr(litellm, name)) for name in GLOBAL_LISTS}
    try:
        yield
    finally:
        for name, content in before.items():
            getattr(litellm, name)[:] = content


def _target(state: RoutingState, key: str, case: Case) -> Target:
    row = case.rows.get(key, {})
    return Target(
        key,
        row.get("priority", 1) - 1,
        state.health(key, key),
        weight=row.get("weight", 1.0),
        cost_usd=None if row.get("usd") is None else 2 * row["usd"],
        rpm=row.get("rpm"),
        tpm=row.get("tpm"),
    )


def _row(key: str, case: Case) -> dict[str, Any]:
    row = case.rows.get(key, {})
    params = {
        "model": f"openai/m{key}",
        "api_key": "none",
        "api_base": "http://nowhere.invalid",
        "order": row.get("priority"),
        "input_cost_per_token": row.get("usd"),
        "output_cost_per_token": row.get("usd"),
        **{name: row.get(name) for name in ("weight", "rpm", "tpm")},
    }
    given = {name: value for name, value in params.items() if value is not None}
    return {"model_name": "g", "litellm_params": given, "model_info": {"id": key}}
