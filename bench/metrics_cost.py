"""`python -m bench.metrics_cost`: what counting for `/metrics` costs a request.

Two servers before one upstream, one that counts and one that does not, 64 requests by turns, the first by turns, too.
The CPU is that of the gateway's process as the scheduler counts it (`/proc/PID/schedstat`, in nanoseconds), so that
other processes of the machine change little. The median of the rounds' ratios is printed, with its quartiles; and that
of the same server twice, which says how far to trust it. On a busy machine that is not far: then read the tenth of the
rounds that was the cheapest for each server, which others have disturbed least; and what counting takes by itself, the
least of 300 tries, which is printed first.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from bench import targets
from bench.load import Load, run
from bench.targets import KEY, MODEL, Target

REQUESTS, CONNECTIONS, MOST_SECONDS, WANTED = 64, 8, 60.0, 0.02
WARM_UP, TRIES = 600, 300
APPS = {"counting": "routing_console.asgi:application", "not counting": "bench.unmeasured:application"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.metrics_cost", description=__doc__)
    parser.add_argument("--rounds", type=int, default=150)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as name, ExitStack() as started:
        source = started.enter_context(targets.upstream(Path(name)))
        servers = {one: started.enter_context(_server(Path(name), source, one)) for one in APPS}
        for server in servers.values():
            _cost_us(server, WARM_UP)
        found = [_round(servers["counting"], servers["not counting"], number % 2 == 0) for number in range(rounds)]
        print(f"counting by itself: {_counting_us(Path(name)):.1f} us a request")
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors; {rounds} rounds of {REQUESTS} requests")
    sys.exit(0 if _report(found) else 1)


def _server(folder: Path, source: Target, name: str):
    own = folder / name.replace(" ", "-")
    own.mkdir()
    return targets.routing_console(own, f"http://127.0.0.1:{source.port}/v1", app=APPS[name])


def _round(counting: Target, other: Target, is_first: bool) -> tuple[float, float, float]:
    """CPU us per request: counting, not counting, and counting once more."""
    if is_first:
        one, two = _cost_us(counting), _cost_us(other)
    else:
        two, one = _cost_us(other), _cost_us(counting)
    return one, two, _cost_us(counting)


def _cost_us(server: Target, requests: int = REQUESTS) -> float:
    before = scheduled_s(server.pid)
    load = Load(server.port, KEY, MODEL, False, CONNECTIONS, MOST_SECONDS, requests)
    result = asyncio.run(run(load))
    if result.failed:
        raise SystemExit(f"{server.name}: {result.failed} requests failed. {result.first_failure}")
    return (scheduled_s(server.pid) - before) * 1e6 / result.answered


def scheduled_s(pid: int) -> float:
    """Seconds on a processor of all threads of a process that live."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def _report(found: list[tuple[float, float, float]]) -> bool:
    costs = statistics.quantiles([one / two - 1 for one, two, _ in found], n=4)
    noise = statistics.quantiles([again / one - 1 for one, _, again in found], n=4)
    columns = list(zip(*found, strict=True))
    kinds: dict[str, Callable[[Sequence[float]], float]] = {"medians": statistics.median, "cheapest tenth": _lowest}
    for name, of in kinds.items():
        one, two, again = (of(column) for column in columns)
        print(f"CPU per request, {name}: {one:.0f} us, {two:.0f} us without: {one / two - 1:.1%} more", end="; ")
        print(f"the same server again: {again / one - 1:.1%}")
    print(f"counting costs {costs[1]:.1%} (quartiles {costs[0]:.1%} and {costs[2]:.1%}); wanted under {WANTED:.0%}")
    print(f"the same server twice: {noise[1]:.1%} (quartiles {noise[0]:.1%} and {noise[2]:.1%})")
    return costs[1] < WANTED


def _counting_us(folder: Path) -> float:
    """CPU of counting one request that was answered after a fallback, in this process; the least of many tries."""
    os.environ |= {"DJANGO_SETTINGS_MODULE": "routing_console.settings", "ROUTING_CONSOLE_DATA": str(folder)}
    import django

    django.setup()
    from tests.usage.test_metrics import Finished
    from usage.metrics.sums import Sums

    return min(_many_us(partial(Sums.count, Sums(), Finished())) for _ in range(TRIES))


def _many_us(count: Callable[[], None]) -> float:
    begun = time.thread_time_ns()
    for _ in range(TRIES):
        count()
    return (time.thread_time_ns() - begun) / 1000 / TRIES


def _lowest(costs: Sequence[float]) -> float:
    return statistics.quantiles(costs, n=10)[0]


if __name__ == "__main__":
    main()
