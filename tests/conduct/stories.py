"""The table of conduct, many requests a row: outages, recoveries, limits. How to read it: `table.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.conduct.table import Shape, Span

STRATEGIES = (
    *("priority-failover", "simple-shuffle", "weighted", "least-busy"),
    *("latency-based-routing", "cost-based-routing", "usage-based-routing-v2"),
)


def every(seconds: float, until_s: float) -> tuple[float, ...]:
    """Moments at an even pace, from 0 on."""
    return tuple(round(n * seconds, 3) for n in range(int(until_s / seconds)))


@dataclass(frozen=True)
class Story:
    """Requests that come at these seconds, and what is expected of all of them. Spans are counts of requests.

    `asked` is how often upstreams are, `wasted` how many attempts at an upstream fail. `back` says that A answers
    again, at the latest in the span of seconds that follows its recovery. No request takes longer than `longest_s`, but
    for as many as `slow` says.
    """

    name: str
    shape: Shape
    upstreams: str
    at_s: tuple[float, ...]
    answered: Span
    asked: Mapping[str, Span] = field(default_factory=dict)
    wasted: Mapping[str, Span] = field(default_factory=dict)
    back: Span | None = None
    longest_s: float = 0.3
    slow: Span = (0, 0)
    only: str = ""
    why: str = ""


@dataclass(frozen=True)
class Told:
    """One request of a story: when it came, who answered it ("" for nobody), and the seconds it took."""

    at_s: float
    by: str
    seconds: float


ONCE: dict[str, Any] = {"retries": 0}

# fmt: off
STORIES = (
    *(
        Story(f"what has just failed is not asked again while another may serve, {strategy}",
            Shape("A*1 B*1" if strategy == "weighted" else "A B", strategy, cooldown_s=0), "A=500", every(0.1, 2.0),
            answered=(20, 20), asked={"B": (20, 20)}, longest_s=0.1)
        for strategy in STRATEGIES
    ),
    Story("requests a minute are a limit and no weight", Shape("A!10 B", "simple-shuffle"), "", every(0.025, 1.0),
        answered=(40, 40), asked={"A": (10, 10), "B": (30, 30)}),
    Story("five a minute serve five", Shape("A!5", **ONCE), "", every(0.05, 0.4), answered=(5, 5), asked={"A": (5, 5)}),
    Story("one probe for twenty requests at once", Shape("A / B", **ONCE), "A=503*3,slow(1.5)",
        (0.0, 0.1, 0.2, *(20 * (2.8,))), answered=(23, 23), asked={"A": (4, 4)}, longest_s=0.4, slow=(1, 1)),
    Story("a short outage is over when it is over", Shape("A / B", **ONCE), "A=200<1,503<6,200", every(0.25, 16),
        answered=(64, 64), wasted={"A": (3, 6)}, back=(6, 16)),
    Story("forty seconds of outage, and back within ten", Shape("A / B", **ONCE), "A=200<5,503<45,200", every(0.5, 60),
        answered=(120, 120), wasted={"A": (3, 12)}, back=(45, 55)),
    Story("forty silent seconds, and back within ten", Shape("A / B", **ONCE), "A=200<5,hang<45,200", every(0.5, 60),
        answered=(120, 120), wasted={"A": (10, 18)}, back=(45, 55), slow=(10, 18)),
    Story("forty silent seconds, half a request a second, and back within ten", Shape("A / B", timeout_s=15.0, **ONCE),
        "A=200<5,hang<45,200", every(2.0, 60), answered=(30, 30), wasted={"A": (5, 15)}, back=(45, 55), slow=(5, 15),
        only="rehearsed", why="limits of 15 s"),
    Story("slow answers after an outage bar a lone one for five seconds at a time", Shape("A", timeout_s=15.0, **ONCE),
        "A=503*3,slow(14)", (0.0, 0.1, 0.2, *every(0.5, 20)[5:]), answered=(7, 16), longest_s=14.5, back=(2.5, 17.5),
        only="rehearsed", why="answers of 14 s"),
    Story("a lone one is back sooner", Shape("A", **ONCE), "A=200<5,503<45,200", every(0.5, 60),
        answered=(29, 40), wasted={"A": (3, 20)}, back=(45, 50.5)),
    Story("flapping, five seconds up and five down", Shape("A / B", **ONCE),
        "A=200<5,503<10,200<15,503<20,200", every(0.25, 22), answered=(88, 88), asked={"A": (25, 65)},
        wasted={"A": (3, 14)}),
    Story("flapping for two minutes", Shape("A / B", **ONCE),
        "A=" + ",".join(f"200<{n},503<{n + 5}" for n in range(5, 125, 10)) + ",200", every(0.25, 120),
        answered=(480, 480), asked={"A": (50, 300)}, wasted={"A": (10, 60)}, only="rehearsed", why="two minutes"),
    Story("a lone one that asks for an hour is probed", Shape("A", **ONCE), "A=429(3600),200", (0.0, 1.0, 5.6),
        answered=(1, 1), asked={"A": (2, 2)}),
    Story("ten at once wait for a Retry-After, and for one that tries whether it is over", Shape("A", retries=2),
        "A=429(2)*10,200", 10 * (0.0,), answered=(10, 10), asked={"A": (20, 20)}, longest_s=4.0),
    Story("in a group after five minutes", Shape("A / B", **ONCE), "A=429(3600),200", (0.0, 298.0, 301.0),
        answered=(3, 3), asked={"A": (2, 2), "B": (2, 2)}, only="rehearsed", why="five minutes"),
    Story("one that hangs at a request a minute does not cost its limit for ever", Shape("A / B", timeout_s=8.0),
        "A=hang", every(60, 1800), answered=(30, 30), slow=(3, 10), only="rehearsed", why="half an hour"),
    Story("repeats do not multiply an outage", Shape("A", retries=3, cooldown_s=0), "A=503", every(0.02, 4),
        answered=(0, 0), asked={"A": (200, 260)}, longest_s=2.5),
)
# fmt: on
