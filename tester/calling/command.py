"""`manage.py rehearse NAME --key ID`: what the command does with a name that clients call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.core.management.base import CommandParser

from access.keys import COMMAND_LINE, MASTER
from engine.exceptions import BadInput
from groups.models import RoutingGroup
from tester.calling.called_as import Calling, calling_of, calling_of_group
from tester.calling.keys import holder_for
from tester.run_planning import RunRequest

# Options with which nothing is called.
OTHERS = ("history", "against", "against_revision", "against_router")
NO_MEANING = "This has no meaning with --history or --against."


def add_arguments(parser: CommandParser) -> None:
    """The options of names and keys."""
    how = "id of the API key that calls: its limits and credits count as in the gateway"
    parser.add_argument("--key", metavar="ID", help=how)
    parser.add_argument(
        "--complexity",
        action="append",
        default=[],
        metavar="TIER=SHARE",
        help="the share of requests that a virtual model sends to a tier (default: as in the log); may be repeated",
    )


def called_by(options: Mapping[str, Any]) -> Calling:
    """A routing group of this name, in service or not, else what a client would call by it; raises BadInput."""
    is_plain = all(options[name] is None for name in OTHERS)
    for name in ("key", "complexity"):
        if options[name] and not is_plain:
            raise BadInput(f"--{name}", NO_MEANING)
    holder = MASTER if options["key"] is None else holder_for(COMMAND_LINE, options["key"])
    if (group := RoutingGroup.objects.filter(name=options["group"]).first()) is not None:
        return calling_of_group(group, holder)
    calling = calling_of(options["group"], holder)
    if not is_plain and len(calling.groups) > 1:
        raise BadInput("group", f"'{calling.asked}' leads to several groups. Name one of them.")
    return calling


def with_complexity(asked: RunRequest, options: Mapping[str, Any]) -> RunRequest:
    """The request with the given mix; raises BadInput."""
    if not options["complexity"]:
        return asked
    return replace(asked, workload={**(asked.workload or {}), "complexity": dict(map(_share, options["complexity"]))})


def _share(text: str) -> tuple[str, float]:
    name, _, share = text.rpartition("=")
    try:
        number = float(share)
    except ValueError:
        name = ""
    if not name:
        raise BadInput("--complexity", f"'{text[:64]}': write TIER=SHARE, such as complex=0.2.")
    return name, number
