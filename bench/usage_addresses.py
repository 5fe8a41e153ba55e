"""The queries of `bench/usage.py`, by name: the busiest team, key, person …, because they have most to add up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from bench.usage_log import habits

PAGE_PERIODS, API_PERIODS = ("24h", "7d", "30d", "90d", "all"), ("7d", "30d", "90d", "all")
# What is filtered by, and the column of the log that has it.
FILTERS = {
    "team": "team_id",
    "key": "key_id",
    "user": "owner",
    "group": "model_group",
    "provider": "provider",
    "model": "deployment_name",
    "virtual_model": "virtual_model",
}
LOG_FILTERS = ("group", "user", "key", "provider", "virtual_model")
OUTCOMES = ("answered", "failed", "refused", "left")


def addresses() -> dict[str, str]:
    """Path and query by what is read."""
    busiest = _busiest()
    narrowed: dict[str, dict[str, str]] = {
        "everything": {},
        **{f"a {name}": {name: value} for name, value in busiest.items()},
    }
    found = {"overview": "/"}
    for period in PAGE_PERIODS:
        found |= {
            f"page, {period}, {name}": _address("/usage", period=period, **chosen)
            for name, chosen in narrowed.items()
            if "virtual_model" not in chosen
        }
    for period in API_PERIODS:
        found |= {
            f"API, {period}, {name}": _address("/api/v1/llm/usage", period=period, **chosen)
            for name, chosen in narrowed.items()
        }
    found |= {f"own usage, {period}": _address("/usage/me", period=period) for period in PAGE_PERIODS}
    return found | _log_addresses(busiest) | {"providers' calls and cost": "/providers/figures"}


def _log_addresses(busiest: dict[str, str]) -> dict[str, str]:
    found = {"log": "/requests", "log, API": "/api/v1/llm/requests", "log, a call": "/requests?call=0f3a"}
    found |= {f"log, a {name}": _address("/requests", **{name: busiest[name]}) for name in LOG_FILTERS}
    found |= {f"log, {outcome}": _address("/requests", outcome=outcome) for outcome in OUTCOMES}
    found["log, 503"] = "/requests?status=503"
    found["log, 429"] = "/requests?status=429"  # of two outcomes, so that no index has them in order of time
    found["log, fell back"] = "/requests?fell_back=true"
    found["log, unheard of"] = "/requests?group=nobody"
    found["log, a key that failed"] = _address("/requests", key="key 0", outcome="failed")
    found["log, a group and a user"] = _address("/requests", group=busiest["group"], user=busiest["user"])
    found["log, a day"] = _address("/requests", since=_days_ago(30), until=_days_ago(29))
    return found


def _busiest() -> dict[str, str]:
    """Of each thing that can be filtered by, the value with most of the traffic."""
    known = list(habits())
    found = {}
    for name, column in FILTERS.items():
        weights: dict[str, float] = {}
        for habit in known:
            if value := habit.columns[column]:
                weights[value] = weights.get(value, 0.0) + habit.weight
        found[name] = max(weights, key=lambda value: weights[value])
    return found


def _days_ago(days: int) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}"


def _address(path: str, **query: str) -> str:
    return f"{path}?{urlencode(query, quote_via=quote)}"
