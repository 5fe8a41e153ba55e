"""`make bench NAME=history`: a year of real incidents through three groups, computed in several ways.

In a fresh SQLite and in a fresh PostgreSQL, each in a process of its own with hash seeds of its own, and in SQLite once
more with another hash seed. All answers must be the same to the last digit; the CPU of each is told.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.services import postgres

YEAR, SEEDS = 2024, 1
PROVIDERS = (("OpenAI", "openai"), ("Anthropic", "anthropic"), ("Spare", "custom"))
# Name, strategy, providers by their numbers, and the group that it falls back to.
GROUPS: tuple[tuple[str, str, tuple[int, ...], str], ...] = (
    ("ordered", "priority-failover", (0, 1), ""),
    ("weighted", "weighted", (0, 1, 2), ""),
    ("shuffled", "simple-shuffle", (0,), "weighted"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--requests-per-hour", type=int, default=60)
    parser.add_argument("--compute", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.compute:
        return compute(Path(options.compute), options)
    answers = list(_answers(options))
    for where, answer in answers:
        print(f"{where:<28} {answer['cpu_s']:6.1f} s of CPU   {digest(answer['results'])}")
    for name, result in answers[0][1]["results"].items():
        print(f"{name:<12} availability {result['availability']:.6f}, lost {result['lost']}")
    is_same = len({digest(answer["results"]) for _, answer in answers}) == 1
    print("The same in all of them." if is_same else "NOT the same.")
    return 0 if is_same else 1


def digest(results: dict[str, Any]) -> str:
    """Of all numbers."""
    return hashlib.sha256(json.dumps(results, sort_keys=True).encode()).hexdigest()[:16]


def _answers(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as folder:
        sqlite = f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        yield "SQLite", _computed(folder, sqlite, options, hash_seed="1")
        yield "SQLite, another hash seed", _computed(folder, sqlite, options, hash_seed="2")
        with postgres() as url:
            yield "PostgreSQL", _computed(folder, url, options, hash_seed="3")


def _computed(folder: str, url: str, options: argparse.Namespace, *, hash_seed: str) -> dict[str, Any]:
    told = Path(folder) / "answer.json"
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "REDIS_URL": "",
        "ROUTING_CONSOLE_DATA": folder,
        "ROUTING_CONSOLE_DEMO": "0",
        "DJANGO_SETTINGS_MODULE": "routing_console.settings",
        "PYTHONHASHSEED": hash_seed,
    }
    words = ["--seeds", str(options.seeds), "--requests-per-hour", str(options.requests_per_hour)]
    subprocess.run([sys.executable, "-m", "bench.history", "--compute", str(told), *words], env=environment, check=True)
    answer: dict[str, Any] = json.loads(told.read_text())
    return answer


def compute(told: Path, options: argparse.Namespace) -> int:
    """In this process, from this database: the answers for each group."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.utils import timezone

    from engine.history.results import history_of
    from groups.models import RoutingGroup
    from tester.history.planning import HistoryRequest, plan_history

    call_command("migrate", verbosity=0)
    if not RoutingGroup.objects.exists():
        make_groups()
    asked = HistoryRequest(year=YEAR, seeds=options.seeds, requests_per_hour=options.requests_per_hour)
    results, before = {}, time.process_time()
    for name, *_ in GROUPS:
        plan = plan_history(RoutingGroup.objects.get(name=name), asked, now=timezone.now())
        results[name] = history_of(plan.job)
    told.write_text(json.dumps({"results": results, "cpu_s": time.process_time() - before}))
    return 0


def make_groups() -> None:
    """With ids that are the same everywhere: a deployment draws its chances by its id."""
    from tests.factories import make_group, make_model, make_provider

    prices = {"input_cost_per_million": 1, "output_cost_per_million": 2}
    providers = [make_provider(name=name, type=kind) for name, kind in PROVIDERS]
    models = [make_model(id=UUID(int=n), provider=row, **prices) for n, row in enumerate(providers, start=1)]
    for name, strategy, numbers, after in GROUPS:
        fallback = {"fallback_groups": [after]} if after else {}
        rows = [models[number] for number in numbers]
        make_group(name=name, strategy=strategy, models=rows, fallback_config=fallback)


if __name__ == "__main__":
    sys.exit(main())
