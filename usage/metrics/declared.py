"""Every metric of `/metrics`, declared once. The table of docs/observability.md is asserted equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PREFIX = "routing_console_"
# What stands for all further values of labels once a process has counted METRICS_MAX_SERIES of a metric.
OTHER = "other"
SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
FIRST_TOKEN_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric without the prefix; a counter's name is without `_total`, too.

    `merge` says how the gauges of several processes become one; `from_start` are labels that are shown at zero, too.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()
    from_start: tuple[tuple[str, ...], ...] = ()
    merge: Literal["sum", "max", "min"] = "sum"

    @property
    def shown(self) -> str:
        """Its name in queries."""
        return PREFIX + self.name + ("_total" if self.kind == "counter" else "")


PLACE = ("group", "provider", "model")
REQUESTS = Metric("requests", "counter", (*PLACE, "outcome"), "Finished requests; of a refused one only the group.")
REQUEST_SECONDS = Metric(
    "request_seconds", "histogram", (*PLACE, "outcome"), "Time from the request to the end of its answer.", SECONDS
)
FIRST_TOKEN = Metric(
    "first_token_seconds", "histogram", PLACE, "Time an upstream took to its first token.", FIRST_TOKEN_SECONDS
)
TOKENS = Metric("tokens", "counter", (*PLACE, "direction"), "Tokens by direction: input or output.")
COST = Metric("cost_usd", "counter", PLACE, "Cost by the catalog's prices, in US dollars.")
UNPRICED = Metric("unpriced_requests", "counter", PLACE, "Answered requests whose tokens or prices are unknown.")
ATTEMPTS = Metric(
    "attempts",
    "counter",
    ("provider", "model", "error_class"),
    "Calls to upstreams; error_class is none after a success, cancelled if it was not waited for.",
)
FALLBACKS = Metric("fallbacks", "counter", ("group",), "Moves to another tier or group.")
RETRIES = Metric("retries", "counter", ("group",), "Attempts at a deployment that the request had asked before.")
SKIPS = Metric("skips", "counter", ("group", "reason"), "Deployments that were not asked, by reason.")
UNAUTHORIZED = Metric("unauthorized", "counter", (), "Calls without a key, or with a wrong one.", from_start=((),))
STANDBY_PROOFS = Metric(
    "standby_proofs",
    "counter",
    ("provider", "model", "result"),
    "Test requests to deployments without traffic; result is proven or failed.",
)
REHEARSALS = Metric(
    "rehearsals",
    "counter",
    ("outcome",),
    "Rehearsals that ended: done, failed or cancelled.",
    from_start=(("done",), ("failed",), ("cancelled",)),
)
LOG_LOST = Metric(
    "log_lost",
    "counter",
    (),
    "Requests that are missing in the log: the database was away too long.",
    from_start=((),),
)

REHEARSING = Metric("rehearsals_running", "gauge", (), "Rehearsals under way.")
IN_FLIGHT = Metric("in_flight", "gauge", (), "Requests under way.")
LOG_QUEUE = Metric("log_queue", "gauge", (), "Finished requests that wait to be written to the log.")
BREAKERS = Metric(
    "breaker_state",
    "gauge",
    ("deployment", "provider"),
    "0: closed, 1: one request at a time may try, 2: cooling down. Without deployment: the provider's key.",
    merge="max",
)
POOL = Metric("database_connections", "gauge", ("state",), "Connections to PostgreSQL: used or idle.")
POOL_MOST = Metric("database_connections_most", "gauge", (), "The most connections that the processes may open.")
POOL_WAITING = Metric("database_waiting", "gauge", (), "Threads that wait for a connection to PostgreSQL.")
VERSION = Metric(
    "config_version", "gauge", (), "Version of the configuration, of the process that is behind most.", merge="min"
)
CONFIG_AGE = Metric(
    "config_age_seconds",
    "gauge",
    (),
    "Time since the configuration was last known to be the newest, of the process that is behind most.",
    merge="max",
)
PROCESSES = Metric("processes", "gauge", (), "Server processes behind this address.")

METRICS: tuple[Metric, ...] = (
    *(REQUESTS, REQUEST_SECONDS, FIRST_TOKEN, TOKENS, COST, UNPRICED, ATTEMPTS, FALLBACKS, RETRIES, SKIPS),
    *(UNAUTHORIZED, STANDBY_PROOFS, REHEARSALS, LOG_LOST, REHEARSING, IN_FLIGHT, LOG_QUEUE, BREAKERS),
    *(POOL, POOL_MOST, POOL_WAITING, VERSION, CONFIG_AGE, PROCESSES),
)
BY_NAME = {metric.name: metric for metric in METRICS}
