"""`manage.py rehearse GROUP --history 2024`: what the command does with a period of the past."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from access.keys import COMMAND_LINE
from engine.exceptions import BadInput
from groups.models import RoutingGroup
from tester import actions
from tester.exceptions import RunBroken
from tester.history.performing import PastRehearsal
from tester.history.planning import HistoryRequest, plan_history
from tester.models import RunStatus

DEFAULT_SEEDS = 5
# Options of runs that a period of the past does not have.
OF_RUNS = (
    "requests",
    "concurrency",
    "scenario",
    "scenario_file",
    "rate",
    "trace",
    "router",
    "workers",
    "profiles",
    "gateway_ms",
    "csv",
    "against",
    "against_revision",
    "against_router",
)


def add_options(parser: CommandParser) -> None:
    """The options of periods."""
    parser.add_argument("--history", type=int, metavar="YEAR", help="real incidents of this year instead of a scenario")
    parser.add_argument(
        "--service",
        action="append",
        default=[],
        metavar="PROVIDER=SERVICE",
        help="with --history: whose incidents a provider has (default: by its type); may be repeated",
    )


def history_result(group: RoutingGroup, options: Mapping[str, Any]) -> dict[str, Any]:
    """The answer after all seeds, stored like any other; raises BadInput and RunBroken."""
    if given := [name for name in OF_RUNS if options.get(name) is not None]:
        raise BadInput(f"--{given[0].replace('_', '-')}", "This has no meaning with --history.")
    count = options["seeds"] or DEFAULT_SEEDS
    first = 1 if options["seed"] is None else options["seed"]
    if first < 0:
        raise BadInput("--seed", "Give 0 or more.")
    services = dict(_pair(text) for text in options["service"])
    asked = HistoryRequest(year=options["history"], services=services or None, seeds=count, seed=first)
    plan = plan_history(group, asked, now=timezone.now())
    run = actions.create_history_run(by=COMMAND_LINE, plan=plan)
    PastRehearsal(run, plan).conduct()
    run.refresh_from_db()
    if run.status != RunStatus.DONE or run.result is None:
        raise RunBroken(run.error or "The rehearsal was cancelled.")
    return dict(run.result)


def _pair(text: str) -> tuple[str, str]:
    name, is_given, service = text.rpartition("=")
    if not is_given or not name:
        raise BadInput("--service", f"'{text[:64]}': write PROVIDER=SERVICE.")
    return name, service
