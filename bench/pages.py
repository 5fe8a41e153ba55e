"""`make bench NAME=pages`: server time and queries of each page, and how they grow from 100 to 10,000 routing groups.

Whole requests through every middleware, without a socket, in one process on SQLite, with 10,000 models in the catalog.
The time is the median of several requests after a first one.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django

from bench.visits import queries_of, visit_ms, visitor

SIZES, MODELS, PER_GROUP, REPEATS = (100, 1_000, 10_000), 10_000, 3, 7
WANTED_MS, WANTED_QUERIES, WANTED_AT = 100.0, 12, 1_000


@dataclass(frozen=True)
class Cost:
    """What one page costs at one size."""

    ms: float
    queries: int


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "routing_console.settings",
            "DATABASE_URL": f"sqlite:///{Path(folder) / 'bench.sqlite3'}",
            "ROUTING_CONSOLE_DATA": folder,
            "ROUTING_CONSOLE_DEMO": "0",
            "ALLOWED_HOSTS": "testserver",
            "LOG_LEVEL": "WARNING",
        }
        django.setup()
        table = dict(_measured())
        return _report(table)


def _measured() -> Iterator[tuple[int, dict[str, Cost]]]:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    models = catalog(MODELS)
    made = 0
    for size in SIZES:
        add_groups(models, made, size)
        made = size
        yield size, {name: _cost(path) for name, path in _pages().items()}


def catalog(count: int) -> list[Any]:
    """So many models of 50 providers."""
    from providers.models import LanguageModel, Provider

    providers = Provider.objects.bulk_create(
        [Provider(name=f"Provider {n}", type="custom", api_base="https://llm.example.com/v1") for n in range(50)]
    )
    rows = [LanguageModel(provider=providers[n % 50], name=f"model-{n:05}", context_length=8192) for n in range(count)]
    return LanguageModel.objects.bulk_create(rows, batch_size=500)


def add_groups(models: list[Any], first: int, size: int) -> None:
    """Groups `first` to `size`, of all strategies."""
    from groups.models import Deployment, RoutingGroup, Strategy

    strategies = Strategy.values
    rows = [RoutingGroup(name=f"group-{n:05}", strategy=strategies[n % len(strategies)]) for n in range(first, size)]
    groups = RoutingGroup.objects.bulk_create(rows, batch_size=500)
    placed = [
        Deployment(group=g, model=models[(n * 7 + k) % len(models)], position=k, priority=k + 1, weight=1)
        for n, g in enumerate(groups, start=first)
        for k in range(PER_GROUP)
    ]
    Deployment.objects.bulk_create(placed, batch_size=500)


def _pages() -> dict[str, str]:
    from groups.models import RoutingGroup
    from providers.models import LanguageModel

    group_id = RoutingGroup.objects.values_list("pk", flat=True).first()
    model = LanguageModel.objects.get(name="model-00042")
    return {
        "groups": "/groups",
        "groups, last page": "/groups?page=last",
        "groups, searched": "/groups?q=00042",
        "groups, filtered": "/groups?strategy=weighted&status=active",
        "groups, sorted": "/groups?sort=-updated",
        "search": "/search?q=042",
        "a group": f"/groups/{group_id}",
        "its history": f"/groups/{group_id}/history",
        "its use": f"/groups/{group_id}/use",
        "its runs": f"/groups/{group_id}/runs",
        "its Live Tester": f"/groups/{group_id}/live",
        "a new group": "/groups/new",
        "its builder": f"/groups/{group_id}/edit",
        "the model picker": "/groups/picker?q=042",
        "import": "/groups/import",
        "providers": "/providers",
        "their calls and cost": "/providers/figures",
        "a provider": f"/providers/{model.provider_id}",
        "its form": f"/providers/{model.provider_id}/edit",
        "models": "/models",
        "models, last page": "/models?page=200&sort=-output",
        "models, filtered": "/models?q=042&capability=chat&status=enabled",
        "their latency": f"/models/figures?id={model.pk}",
        "a model": f"/models/{model.pk}",
        "price updates": "/models/news",
        "cooldowns": "/providers/cooldowns",
        "the overview": "/",
        "teams": "/teams",
        "API keys": "/keys",
        "people": "/people",
        "own keys": "/byok",
        "credits": "/credits",
        "an account": "/account",
        "usage": "/usage",
        "own usage": "/usage/me",
        "requests": "/requests",
        "alerts": "/alerts",
        "API: groups": "/v1/routing_group",
        "API: models": "/api/v1/llm/models",
        "API: providers": "/api/v1/llm/providers",
    }


def _cost(path: str) -> Cost:
    client = visitor("bench")
    count = queries_of(client, path)
    return Cost(statistics.median(visit_ms(client, path) for _ in range(REPEATS)), count)


def _report(table: dict[int, dict[str, Cost]]) -> int:
    print(
        f"Server time in ms (queries), {MODELS:,} models in the catalog; wanted at {WANTED_AT:,} groups: "
        f"under {WANTED_MS:g} ms, at most {WANTED_QUERIES} queries"
    )
    print(f"{'':22}" + "".join(f"{f'{size:,} groups':>18}" for size in SIZES))
    for name in table[SIZES[0]]:
        costs = [table[size][name] for size in SIZES]
        print(f"{name:22}" + "".join(f"{f'{cost.ms:.1f} ({cost.queries})':>18}" for cost in costs))
    wanted = table[WANTED_AT].values()
    is_met = all(cost.ms < WANTED_MS and cost.queries <= WANTED_QUERIES for cost in wanted)
    print("met" if is_met else "NOT MET")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
