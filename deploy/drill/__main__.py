"""The failure drill, on one machine: `.venv/bin/python -m deploy.drill` (after `make check`, or any target that sets up
what the tests need; and `apt install haproxy`).

Brings up PostgreSQL, Valkey, two providers, four workers, and HAProxy with `deploy/haproxy.cfg`; sends requests at a
rate through HAProxy; and lets one part after the other fail. PostgreSQL comes from a wheel, because nobody wants this
done to the one that is installed; Valkey is an installed program (`valkey-server` or `redis-server`), or comes from a
wheel; both keep their data in a temporary folder. Callers and providers are processes of their own, without code of the
console.

Prints a table: for each step the requests that began in it, those that failed and why, how many of them no design could
have saved, the slowest, and how many of the answers whose last byte reached a caller are in the log. Exits with 1 if a
request failed that could have been saved, or an answer is not in the log.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from deploy.drill.capacity import at_rest, measure
from deploy.drill.drill_table import Judged, Struck, rows, table
from deploy.drill.installation import HERE, Installation, Program, installation
from deploy.drill.steps import STEPS, strike

STREAM_SHARE = 0.3
WARM_UP_S = 5.0
# What a killed worker has left is found by another within 30 s.
LOGGED_WITHIN_S = 90.0
FIRST_PORT, LAST_PORT = 21_400, 29_999


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the parts are ended, too
    with tempfile.TemporaryDirectory(prefix="rc-drill-") as name:
        folder = Path(options.folder or name)
        folder.mkdir(parents=True, exist_ok=True)
        with installation(folder, _ports(), options.workers) as on:
            is_good = _drill(on, options)
    sys.exit(0 if is_good else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploy.drill", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--hold", type=float, default=10.0, help="seconds that a part stays away")
    parser.add_argument("--steps", default="", help="only those with one of these words, separated by commas")
    parser.add_argument("--capacity", type=float, default=0.0, metavar="SECONDS", help="measure for so long instead")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="of the callers' chance")
    parser.add_argument("--folder", default="", help="an empty folder for data and logs, which stay there")
    return parser.parse_args()


def _drill(on: Installation, options: argparse.Namespace) -> bool:
    words = [word for word in options.steps.split(",") if word]
    names = [name for name in STEPS if not words or any(word in name for word in words)]
    file = on.folder / "calls.jsonl"
    callers = _callers(on, options, file)
    rest = at_rest(on, options.capacity / 4) if options.capacity else {}
    callers.start()
    try:
        time.sleep(WARM_UP_S)
        if options.capacity:
            print("\n".join([_conditions(options), *measure(on, file, options.capacity, rest)]))
            return True
        struck = []
        for name in names:
            print(f"{name} …", file=sys.stderr, flush=True)
            struck.append(strike(name, on, options.hold))
    finally:
        callers.tell(signal.SIGTERM)
        callers.end()
    return _report(on, options, struck, file)


def _callers(on: Installation, options: argparse.Namespace, file: Path) -> Program:
    what = {
        "url": f"{on.url}/v1/chat/completions",
        "keys": on.keys,
        "models": on.models,
        "rate": options.rate,
        "stream_share": STREAM_SHARE,
        "seed": options.seed,
        "file": str(file),
    }
    command = [sys.executable, str(HERE / "caller_load.py"), json.dumps(what)]
    return Program("callers", command, on.folder, os.environ)


def _report(on: Installation, options: argparse.Namespace, struck: list[Struck], file: Path) -> bool:
    calls = [Judged(**json.loads(line)) for line in file.read_text().splitlines()]
    found = rows(struck, calls, _logged(on, {call.call_id for call in calls if call.call_id}))
    print(f"\n{_conditions(options)}\n\n{table(found)}")
    return all(row.is_good for row in found)


def _conditions(options: argparse.Namespace) -> str:
    what = f"{options.rate:g} requests/s, {STREAM_SHARE:.0%} streams, {options.workers} workers, seed {options.seed}"
    return f"{what}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def _logged(on: Installation, wanted: set[str]) -> frozenset[str]:
    """The call ids that the log has, once it has all of them, or does not get more."""
    import psycopg

    due = time.monotonic() + LOGGED_WITHIN_S
    while True:
        with psycopg.connect(on.postgres.url) as database:
            sql = "SELECT call_id FROM usage_requestrecord WHERE call_id = ANY(%s)"
            found = frozenset(str(row[0]) for row in database.execute(sql, [list(wanted)]))
        if wanted <= found or time.monotonic() > due:
            return found
        time.sleep(1)


def _ports() -> Iterator[int]:
    """Free ones, below those that systems give to outgoing connections: a part wants its own again."""
    for port in range(FIRST_PORT, LAST_PORT):
        if _is_free(port):
            yield port


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


if __name__ == "__main__":
    main()
