"""The cases of the comparison with LiteLLM's Router."""

from __future__ import annotations

from typing import Any

from tests.engine.core.selection import Case, Fed

PRIORITY, WEIGHTED, SHUFFLE, BUSY = "priority-failover", "weighted", "simple-shuffle", "least-busy"
LATENCY, COST, USAGE = "latency-based-routing", "cost-based-routing", "usage-based-routing-v2"
NO_WEIGHTS = "rpm and tpm are limits, not weights"
CHANCE = "among equals chance decides; in LiteLLM the first takes all"


def paces(a: float, b: float, c: float | None = None) -> dict[str, float]:
    return {key: seconds for key, seconds in zip("abc", (a, b, c), strict=True) if seconds is not None}


def answers(seconds: dict[str, float], times: int = 3):
    def feed(side: Fed) -> None:
        for _ in range(times):
            for key, pace_s in seconds.items():
                side.answered(key, pace_s)

    return feed


def fails(key: str, status: int, times: int = 1):
    def feed(side: Fed) -> None:
        for _ in range(times):
            for name in key:
                side.failed(name, status)

    return feed


def two_one_none(side: Fed) -> None:
    for key in "aab":
        side.began(key)


def used(side: Fed) -> None:
    for key, tokens in (("a", 100), ("b", 60), ("c", 300)):
        side.answered(key, 1.0, output=50, total=tokens)


def four_sent(side: Fed) -> None:
    for _ in range(4):
        side.sent("a")


def slower(side: Fed) -> None:
    answers(paces(1.0, 1.5, 3.0), 10)(side)
    answers({"a": 3.0}, 4)(side)


def each(field: str, a: object, b: object, c: object) -> dict[str, dict[str, Any]]:
    values = zip("abc", (a, b, c), strict=True)
    return {key: {field: value} for key, value in values if value is not None}


TIERS = each("priority", 1, 1, 2)
CASES = [
    Case("two tiers", PRIORITY, TIERS),
    Case("a first tier that had a 429", PRIORITY, each("priority", 2, 1, 2), fails("b", 429)),
    Case("a tier with an rpm", PRIORITY, {"a": {"priority": 1, "rpm": 10}, "b": {"priority": 1, "rpm": 90},
                                          "c": {"priority": 2}}, differs=NO_WEIGHTS),
    Case("weights 1, 3, 6", WEIGHTED, each("weight", 1.0, 3.0, 6.0)),
    Case("weights 0, 1, 1", WEIGHTED, each("weight", 0, 1.0, 1.0)),
    Case("all alike", SHUFFLE),
    Case("one that had a 429", SHUFFLE, feed=fails("b", 429)),
    Case("one that had a 404", SHUFFLE, feed=fails("b", 404)),
    Case("one that had a 500", SHUFFLE, feed=fails("b", 500)),
    Case("one that had three 500", SHUFFLE, feed=fails("b", 500, 3),
         differs="three failures in a row open the breaker; LiteLLM waits for five results"),
    Case("one that had five 500", SHUFFLE, feed=fails("b", 500, 5)),
    Case("all had a 429", SHUFFLE, feed=fails("abc", 429)),
    Case("an rpm on one", SHUFFLE, {"a": {"rpm": 10}}, differs=NO_WEIGHTS),
    Case("an rpm on all", SHUFFLE, each("rpm", 10, 30, 60), differs=NO_WEIGHTS),
    Case("a tpm on one", SHUFFLE, {"a": {"tpm": 1000}}, differs=NO_WEIGHTS),
    Case("two, one and none in flight", BUSY, feed=two_one_none),
    Case("nothing in flight", BUSY, differs=CHANCE),
    Case("2, 1 and 3 s", LATENCY, feed=answers(paces(2.0, 1.0, 3.0))),
    Case("2, 1.96 and 3 s", LATENCY, feed=answers(paces(2.0, 1.96, 3.0)),
         differs="within a tenth of the fastest is as fast; in LiteLLM the fastest takes all"),
    Case("one that was never measured", LATENCY, feed=answers(paces(2.0, 1.0))),
    Case("one that is slower lately", LATENCY, feed=slower),
    Case("first tokens of streams", LATENCY, feed=answers(paces(2.0, 1.0, 3.0)), is_stream=True),
    Case("nothing measured", LATENCY),
    Case("prices 3, 1, 2", COST, each("usd", 3e-6, 1e-6, 2e-6)),
    Case("prices 1, 1, 2", COST, each("usd", 1e-6, 1e-6, 2e-6), differs=CHANCE),
    Case("a free one and an unknown one", COST, each("usd", 0.0, 1e-6, None),
         differs="a price of 0 is the lowest; LiteLLM takes it as unknown, and that as the highest"),
    Case("100, 60 and 300 tokens", USAGE, feed=used),
    Case("nothing used", USAGE),
    Case("four requests of an rpm of 5", USAGE, each("rpm", 5, 5, 5), four_sent,
         differs="rpm 5 serves 5; LiteLLM stops at 4"),
    Case("shares of different tpm", USAGE, each("tpm", 1000, 80, 1000), used,
         differs="usage is a share of the limit where all have one; LiteLLM compares tokens"),
]  # fmt: skip
