"""`manage.py rehearse GROUP --scenario primary-outage --assert 'success_rate>=0.99'`: tests a change of routing."""

from __future__ import annotations

import io
import json
import sys
from argparse import ArgumentTypeError
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.exceptions import ParseError, ValidationError

from access.keys import COMMAND_LINE
from engine.exceptions import BadInput
from engine.rehearsal.recorded_traffic import is_json_lines
from engine.spec import Router
from groups.models import RoutingGroup
from interchange.litellm_config import document
from lib.parsers import StrictJSONParser
from tester import actions
from tester.calling import command as calling
from tester.calling.called_as import Calling
from tester.comparing import command as comparing
from tester.exceptions import RunBroken
from tester.history import command as history
from tester.models import Run, RunStatus
from tester.run_planning import MOST_REQUESTS, RunPlan, RunRequest, plan
from tester.runs.conduct import RunOutcome, conduct, measure_seeds
from tester.runs.result_csv import numbers_csv
from tester.runs.run_capacities import CapacityFrom, capacities_in
from tester.runs.seeds import MOST_SEEDS
from tester.runs.workers import Message
from tester.scene.frame_numbers import finished
from tester.serializers import result_json
from tester.terminal import result_table
from tester.terminal.assertions import HISTORY_METRICS, METRICS, Assertion, parse_assertion
from tester.terminal.history_table import history_text

FIELD = "scenario file"
EXPECTED = "This is not a scenario: give an object with faults, and if you like name, description and needs."
PROFILES_FIELD = "profiles file"
PROFILES_EXPECTED = (
    "These are no profiles: give an object of deployment ids, each with first_token_ms and tokens_per_s."
)
MAX_BYTES = 1024 * 1024


def scenario_in(text: str) -> dict[str, Any]:
    """The scenario in a file's text, not yet checked; raises BadInput with the place of an error."""
    return _object_in(text, FIELD, EXPECTED)


def profiles_in(text: str) -> dict[str, Any]:
    """The profiles in a file's text, not yet checked; raises BadInput with the place of an error."""
    return _object_in(text, PROFILES_FIELD, PROFILES_EXPECTED)


def _object_in(text: str, field: str, expected: str) -> dict[str, Any]:
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise BadInput(field, "This is larger than 1 MB.")
    text = text.removeprefix("\ufeff")
    read = _json if text.lstrip().startswith(("{", "[")) else _yaml
    return read(text, field, expected)


def _json(text: str, field: str, expected: str) -> dict[str, Any]:
    try:
        data = StrictJSONParser().parse(io.BytesIO(text.encode(errors="replace")))
    except ParseError as error:
        reason = str(error.detail).removeprefix("JSON parse error - ")
        raise BadInput(field, f"This is not valid JSON: {reason}") from None
    except ValidationError:
        raise BadInput(field, "It holds a text or a number that can't be stored.") from None
    if not isinstance(data, dict):
        raise BadInput(field, expected)
    return data


def _yaml(text: str, field: str, expected: str) -> dict[str, Any]:
    try:
        return document.load(text, expected=expected)
    except ModelError as error:
        raise BadInput(field, " ".join(error.messages)) from None


ASSERTION_FAILED, BAD_INPUT, RUN_FAILED = 1, 2, 3
MOST_CONCURRENT = 1_000
MOST_WORKERS = 64


class Command(BaseCommand):
    """Rehearses a group in this process and its workers; no server is needed. The run is stored like any other."""

    help = (
        "Rehearse a routing group in virtual time. Exit code: 0 when all is well, 1 when an assertion fails "
        "(with --strict also when a fault never struck), 2 for bad input, 3 when the run itself fails. "
        "With --against it is compared with another configuration."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        how = "name of a routing group, active or not, or one that clients call: an alias, a virtual model, auto"
        parser.add_argument("group", help=how)
        parser.add_argument(
            "--requests",
            type=_whole(MOST_REQUESTS),
            help="how many (default: the whole trace, else what the scenario needs, else 100)",
        )
        parser.add_argument(
            "--concurrency",
            type=_whole(MOST_CONCURRENT),
            help="keep this many in flight (default: requests come as the scenario needs them, else 10 in flight)",
        )
        history.add_options(parser)
        scenarios = parser.add_mutually_exclusive_group()
        scenarios.add_argument("--scenario", help="name of a scenario (default: everything works)")
        scenarios.add_argument(
            "--scenario-file",
            type=Path,
            metavar="FILE",
            help="a scenario of your own as JSON or YAML: {name?, description?, faults: [...], needs?}",
        )
        parser.add_argument("--seed", type=int, help="same seed, same result")
        arrivals = parser.add_mutually_exclusive_group()
        arrivals.add_argument("--rate", type=float, metavar="PER_S", help="Poisson arrivals instead of a closed loop")
        arrivals.add_argument("--trace", type=Path, metavar="FILE", help="CSV: TIMESTAMP,ContextTokens,GeneratedTokens")
        arrivals.add_argument(
            "--traffic", type=Path, metavar="FILE", help="the exported traffic of a group (JSON lines), or such a CSV"
        )
        arrivals.add_argument(
            "--recorded",
            nargs=2,
            metavar=("FROM", "UNTIL"),
            help="the group's own traffic in the log: moments such as 2030-01-31T14:30:00Z",
        )
        recorded = "what failed in the recorded traffic fails again (with --recorded, or JSON lines in --traffic)"
        parser.add_argument("--with-failures", action="store_true", help=recorded)
        parser.add_argument(
            "--router",
            choices=[router.value for router in Router],
            help="overrides the router of every group in the run; litellm shows what a LiteLLM proxy would do",
        )
        how = "the gateway's own time for a request (default: the scenario's, else as measured in the log)"
        parser.add_argument("--gateway-ms", type=float, metavar="MS", help=how)
        how = "server processes (default: as many as run here)"
        parser.add_argument("--workers", type=_whole(MOST_WORKERS), help=how)
        parser.add_argument(
            "--profiles",
            type=Path,
            metavar="FILE",
            help="speeds by deployment id as JSON or YAML: {ID: {first_token_ms, tokens_per_s}}, each a number, "
            "{samples: [...]} or {quantiles: [[share, value]]}",
        )
        parser.add_argument(
            "--seeds",
            type=_whole(MOST_SEEDS),
            help="rehearse under so many seeds and print the ranges; assertions must then hold under each "
            "(default: 1; with --against that of REHEARSAL_SEEDS, with --history 5)",
        )
        parser.add_argument("--csv", type=Path, metavar="FILE", help="write the numbers and their ranges to this file")
        parser.add_argument("--strict", action="store_true", help="fail when a fault of the scenario never struck")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the result as JSON")
        parser.add_argument(
            "--assert",
            action="append",
            default=[],
            type=_assertion,
            dest="assertions",
            metavar="METRIC>=NUMBER",
            help=f"may be repeated; metrics: {', '.join(METRICS)}; with --history: {', '.join(HISTORY_METRICS)}",
        )

        comparing.add_arguments(parser, _whole)
        calling.add_arguments(parser)

    def handle(self, *_: Any, as_json: bool, strict: bool, assertions: list[Assertion], **options: Any) -> None:
        with _bad_input_exits_2():
            called = calling.called_by(options)
        group = called.group
        if options["history"] is not None:
            self._history(group, assertions, options, as_json=as_json)
            return
        if (against := comparing.against_of(options)) is not None:
            if assertions or strict or options["csv"]:
                raise CommandError(comparing.ALONE, returncode=BAD_INPUT)
            with _bad_input_exits_2():
                asked = _asked(options)
            text = comparing.comparison(group, against, asked, seeds=options["seeds"], as_json=as_json)
            self.stdout.write(text)
            return
        _check_metrics(assertions, METRICS)
        planned = _planned(called, options)
        self._say_what_is_measured(planned)
        run = actions.create_run(by=COMMAND_LINE, plan=planned)
        outcome = self._conducted(run, planned)
        if outcome.status is not RunStatus.DONE or outcome.result is None:
            raise CommandError(outcome.error or "The run was cancelled.", returncode=RUN_FAILED)
        results = [outcome.result, *self._results_of_seeds(run, planned)]
        result = result_json(run)
        if options["csv"] is not None:
            _write(options["csv"], numbers_csv(run))
        self.stdout.write(json.dumps(result, indent=2) if as_json else result_table.table(result))
        self._check(assertions, results, is_strict=strict)

    def _results_of_seeds(self, run: Run, planned: RunPlan) -> list[dict[str, Any]]:
        """The results of the other seeds, for a run that is done."""
        results: list[dict[str, Any]] = []
        if run.seeds > 1:
            measure_seeds(run, planned.job, on_result=results.append)
        run.refresh_from_db()
        if len(results) < run.seeds - 1:
            raise CommandError(run.seeds_error or "The run was cancelled.", returncode=RUN_FAILED)
        return results

    def _say_what_is_measured(self, planned: RunPlan) -> None:
        origin = planned.config.get("profiles_from") or {}
        if newer_at := origin.get("newer_measured_at"):
            self.stderr.write(
                f"NOTE  This seed keeps the profiles of run {origin['run_id']}, and there are newer ({newer_at}). "
                "Leave out --seed to use them."
            )
        names = {row.deployment_id: row.name for spec in planned.job.specs for row in spec.deployments}
        for name, known in capacities_in(planned.config).items():
            if known.source is CapacityFrom.MEASURED:
                self.stderr.write(f"NOTE  {names.get(name, name)} takes {known}.")

    def _history(
        self, group: RoutingGroup, assertions: list[Assertion], options: dict[str, Any], *, as_json: bool
    ) -> None:
        _check_metrics(assertions, HISTORY_METRICS)
        try:
            result = history.history_result(group, options)
        except BadInput as error:
            raise CommandError(f"{error.field}: {error}", returncode=BAD_INPUT) from error
        except RunBroken as broken:
            raise CommandError(str(broken), returncode=RUN_FAILED) from broken
        self.stdout.write(json.dumps(result, indent=2) if as_json else history_text(result))
        self._check(assertions, [{"faults_not_struck": [], **result}], is_strict=False)

    def _conducted(self, run: Any, planned: RunPlan) -> RunOutcome:
        if not sys.stderr.isatty():
            return conduct(run, planned.job)
        total = planned.job.workload.num_requests

        def show(frame: Message) -> None:
            self.stderr.write(f"\r{result_table.bar(finished(frame['requests']), total)}", ending="")
            self.stderr.flush()

        try:
            return conduct(run, planned.job, on_frame=show)
        finally:
            self.stderr.write("")

    def _check(self, assertions: list[Assertion], results: list[dict[str, Any]], *, is_strict: bool) -> None:
        failed = [complaint for a in assertions if (complaint := _complaint(a, results))]
        missed = [fault["message"] for fault in results[0]["faults_not_struck"] if is_strict]
        for complaint in [*failed, *missed]:
            self.stderr.write(f"FAILED  {complaint}")
        if failed:
            raise CommandError(f"{len(failed)} of {len(assertions)} assertions failed.", returncode=ASSERTION_FAILED)
        if missed:
            faults = "1 fault" if len(missed) == 1 else f"{len(missed)} faults"
            raise CommandError(f"{faults} of the scenario never struck.", returncode=ASSERTION_FAILED)


def _complaint(assertion: Assertion, results: list[dict[str, Any]]) -> str:
    """Why it does not hold under each seed; empty if it does."""
    failed = [result for result in results if not assertion.holds(result)]
    if not failed:
        return ""
    seeds = f" (seed {failed[0]['seed']}; fails under {len(failed)} of {len(results)} seeds)" if results[1:] else ""
    return assertion.complaint(failed[0]) + seeds


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.", returncode=BAD_INPUT) from error


def _check_metrics(assertions: list[Assertion], known: Collection[str]) -> None:
    """A period of the past has other metrics than a run."""
    for one in assertions:
        if one.metric not in known:
            why = f"{one}: there is no such metric here. Known: {', '.join(known)}."
            raise CommandError(why, returncode=BAD_INPUT)


def _planned(called: Calling, options: dict[str, Any]) -> RunPlan:
    with _bad_input_exits_2():
        asked = calling.with_complexity(_asked(options), options)
        return plan(called.group, asked, calling=called)


@contextmanager
def _bad_input_exits_2() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        field = getattr(error, "field", "")
        raise CommandError(f"{field}: {error}" if field else str(error), returncode=BAD_INPUT) from error


def _asked(options: dict[str, Any]) -> RunRequest:
    return RunRequest(
        num_requests=options["requests"],
        concurrency=options["concurrency"],
        seed=options["seed"],
        scenario=_scenario(options),
        workload=_workload(options),
        router=options["router"],
        workers=options["workers"],
        profiles=None if options["profiles"] is None else profiles_in(_text_of(options["profiles"])),
        seeds=options["seeds"] or 1,
        gateway_ms=options["gateway_ms"],
    )


def _workload(options: dict[str, Any]) -> dict[str, Any] | None:
    recorded = {"kind": "recorded", "with_failures": options["with_failures"]}
    if options["recorded"] is not None:
        return {**recorded, **dict(zip(("from", "until"), options["recorded"], strict=True))}
    if options["traffic"] is not None and is_json_lines(text := _text_of(options["traffic"])):
        return {**recorded, "trace": text}
    if options["with_failures"]:
        raise ValueError("--with-failures needs recorded traffic: --recorded FROM UNTIL, or JSON lines in --traffic.")
    if options["rate"] is not None:
        return {"kind": "poisson", "rate_per_s": options["rate"]}
    path = options["trace"] or options["traffic"]
    return None if path is None else {"kind": "trace", "trace": _text_of(path)}


def _scenario(options: dict[str, Any]) -> str | dict[str, Any] | None:
    if options["scenario_file"] is None:
        name: str | None = options["scenario"]
        return name
    return scenario_in(_text_of(options["scenario_file"]))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} can't be read: {getattr(error, 'strerror', None) or 'it is not text'}.") from error


def _assertion(text: str) -> Assertion:
    try:
        return parse_assertion(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def _whole(most: int) -> Any:
    def parse(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise ArgumentTypeError(f"'{text}': give a whole number from 1 to {most:,}.")
        return int(text)

    return parse
