"""`manage.py rehearse A --against B`: the options of the other side, and the comparison at a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from access.keys import COMMAND_LINE
from engine.exceptions import BadInput
from engine.spec import Router
from groups.models import RoutingGroup
from tester.comparing.performing import COMMAND_WITHIN_S, compare
from tester.comparing.planning import Against, plan_comparison
from tester.exceptions import RunBroken
from tester.run_planning import RunRequest
from tester.terminal import comparison_table

BAD_INPUT, RUN_FAILED = 2, 3
ALONE = "--assert, --strict and --csv are for one group. Leave them out of a comparison."


def add_arguments(parser: CommandParser, whole: Callable[[int], Any]) -> None:
    """The other side; without one there is no comparison."""
    others = parser.add_mutually_exclusive_group()
    others.add_argument("--against", metavar="GROUP", help="compare with this group, seed by seed; nothing is stored")
    others.add_argument("--against-revision", type=whole(2**31 - 1), metavar="N", help="compare with a revision of it")
    routers = [router.value for router in Router]
    others.add_argument("--against-router", choices=routers, help="compare with the same group and this router")


def against_of(options: Mapping[str, Any]) -> Against | None:
    """The other side in the options, if there is one; raises CommandError for an unknown group."""
    if options["against"] is not None:
        other = RoutingGroup.objects.filter(name=options["against"]).first()
        if other is None:
            raise CommandError(f"--against: there is no routing group '{options['against']}'.", returncode=BAD_INPUT)
        return Against(routing_group_id=other.pk)
    if options["against_revision"] is not None:
        return Against(revision=options["against_revision"])
    return None if options["against_router"] is None else Against(router=options["against_router"])


def comparison(group: RoutingGroup, against: Against, asked: RunRequest, *, seeds: int | None, as_json: bool) -> str:
    """The comparison as text; raises CommandError."""
    try:
        planned = plan_comparison(group, against, asked, seeds=seeds, is_limited=False)
        compared = compare(by=COMMAND_LINE, plan=planned, within_s=COMMAND_WITHIN_S)
    except BadInput as error:
        raise CommandError(f"{error.field}: {error.message}", returncode=BAD_INPUT) from error
    except ValidationError as error:
        raise CommandError(" ".join(error.messages), returncode=BAD_INPUT) from error
    except RunBroken as broken:
        raise CommandError(str(broken), returncode=RUN_FAILED) from broken
    told = compared.to_json()
    return json.dumps(told, indent=2) if as_json else comparison_table.table(told, compared.differences)
