"""The Live Tester's controls for traffic that really came: recorded, in a file, or that of an earlier run; and for
faults that are listed one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from engine.exceptions import BadInput
from engine.faults.scenarios import MOST_FAULTS, SCENARIOS, faults_of
from engine.faults.targets import TargetedFault
from engine.outcomes import Outcome
from engine.rehearsal.recorded_traffic import is_json_lines, told
from groups.models import RoutingGroup
from groups.specs import specs_with_fallbacks
from lib.typography import THIN
from pages.live_tester.more_fields import is_everywhere
from tester.models import Run
from tester.runs.replay import NAME, RecordedTraffic, recorded_in
from tester.scene import DrawnDeployment
from tester.serializers import MOST_TRACE_BYTES
from usage.request_log.traffic_periods import TrafficPeriod

RECORDED, FILE, AGAIN = "recorded", "file", "again"
CHOICES = [(RECORDED, "Recorded"), (FILE, "File")]
SINCE, UNTIL, WITH_FAILURES, TRAFFIC_FILE, ARRIVALS_OF, FAULTS = (
    *("recorded_from", "recorded_until", "with_failures"),
    *("traffic_file", "arrivals_of", "faults"),
)
# The longest time that a link rewinds, and how long before the trouble it begins.
LONGEST, BEFORE = timedelta(hours=1), timedelta(minutes=2)
SECONDS = "%Y-%m-%d %H:%M:%S"
MOMENT = "Give a moment such as 2030-01-31 14:30 (UTC)."


def fields_recorded(*, has_run: bool) -> Iterator[tuple[str, forms.Field]]:
    """All of them are optional; which are needed depends on the traffic."""
    yield SINCE, _moment("From (UTC)")
    yield UNTIL, _moment("Until (UTC)")
    yield WITH_FAILURES, forms.BooleanField(label="What failed then fails again", required=False)
    help_text = "CSV with TIMESTAMP, ContextTokens and GeneratedTokens, or the JSON lines of recorded traffic."
    yield TRAFFIC_FILE, forms.FileField(label="File", required=False, help_text=help_text)
    if has_run:
        yield ARRIVALS_OF, forms.UUIDField(required=False, widget=forms.HiddenInput)
    widget = forms.Textarea(attrs={"class": "input mono", "rows": 6, "spellcheck": "false", "wrap": "off"})
    label = f"Faults, one a line as JSON (at most {MOST_FAULTS})"
    yield FAULTS, forms.CharField(label=label, required=False, widget=widget, max_length=100_000)


def _moment(label: str) -> forms.DateTimeField:
    widget = forms.TextInput(attrs={"class": "input", "placeholder": "2030-01-31 14:30:00", "autocomplete": "off"})
    return forms.DateTimeField(label=label, required=False, widget=widget, error_messages={"invalid": MOMENT})


@dataclass(frozen=True, slots=True)
class Rewound:
    """A form filled in with recorded traffic: its values, and a sentence about it; no values where nothing was
    recorded."""

    sentence: str
    initial: Mapping[str, Any]


def rewind_url(group_id: UUID, since: datetime, until: datetime | None = None) -> str:
    """The Live Tester with the recorded traffic of a time, and of two minutes before; at most an hour of it, or until
    now."""
    period = {"from": told(since - BEFORE), **({"until": told(until)} if until else {})}
    return f"{reverse('live-tester', args=[group_id])}?{urlencode(period)}"


def rewound(group: RoutingGroup, given: Mapping[str, str]) -> Rewound | None:
    """The recorded traffic that a link names; None without one."""
    if "from" not in given:
        return None
    try:
        period = _period(group.name, given)
        traffic = recorded_in(period)
    except BadInput as error:
        return Rewound(error.message, {})
    except (ValueError, OverflowError):
        return Rewound(MOMENT, {})
    initial = {"traffic": RECORDED, SINCE: f"{period.since:{SECONDS}}", UNTIL: f"{period.until:{SECONDS}}"}
    faults = lines_of(traffic.faults(specs_with_fallbacks(group)))
    return Rewound(_sentence(period, traffic), {**initial, FAULTS: faults})


def _period(group: str, given: Mapping[str, str]) -> TrafficPeriod:
    since = datetime.fromisoformat(given["from"]).astimezone(UTC)
    end = datetime.fromisoformat(given["until"]).astimezone(UTC) if given.get("until") else timezone.now()
    # Whole seconds, which are easier to read and to change.
    since, end = since.replace(microsecond=0), end.replace(microsecond=0) + timedelta(seconds=bool(end.microsecond))
    return TrafficPeriod(group, since, min(end, since + LONGEST))


def _sentence(period: TrafficPeriod, traffic: RecordedTraffic) -> str:
    failed, count = (sum(one.outcome == Outcome.FAILED for one in traffic.requests), len(traffic.requests))
    requests = "1 request" if count == 1 else f"{count:,} requests"
    when = f"{period.since:{SECONDS}} to {period.until:%H:%M:%S} UTC"
    return f"{requests} from {when}, {failed:,} failed. Second 0 is {traffic.began:%H:%M:%S}."


def initial_recorded(run: Run) -> dict[str, Any]:
    """The controls of a run: its arrivals, if it has any, and the faults of a scenario without a name of ours."""
    workload, scenario = run.config.get("workload") or {}, run.config.get("scenario")
    initial: dict[str, Any] = {}
    if workload.get("arrivals"):
        initial |= {"traffic": AGAIN, ARRIVALS_OF: run.pk}
    if isinstance(scenario, Mapping) and scenario.get("name") not in SCENARIOS:
        by_sliders = [fault.to_json() for fault in faults_of(run.config.get("failure_rates", {}))]
        faults = [one for one in scenario.get("faults", ()) if one not in by_sliders and not is_everywhere(one)]
        initial[FAULTS] = "\n".join(json.dumps(fault) for fault in faults)
    return initial


def lines_of(faults: Sequence[TargetedFault]) -> str:
    """Faults as text, one a line."""
    return "\n".join(json.dumps(fault.to_json()) for fault in faults)


def faults_in(text: str) -> list[dict[str, Any]]:
    """The faults in such a text; raises ValidationError with the number of a bad line."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip().rstrip(","):
            continue
        try:
            found.append(json.loads(line.strip().rstrip(",")))
            TargetedFault.from_json(found[-1], path=f"line {number}")
        except (ValueError, RecursionError) as error:
            why = f"{error.field}: {error.message}" if isinstance(error, BadInput) else f"line {number}: no JSON."
            raise ValidationError(why) from None
    return found


def described(text: str, deployments: Sequence[DrawnDeployment]) -> list[str]:
    """Each fault in words: `Server error 503 at Nebius, 0:10 to 0:47, 100 %`; none of a text that can't be read."""
    names = {deployment.deployment_id: deployment.name for deployment in deployments}
    try:
        return [_in_words(TargetedFault.from_json(fault), names) for fault in faults_in(text)]
    except ValidationError:
        return []


def _in_words(aimed: TargetedFault, names: Mapping[str, str]) -> str:
    kind = aimed.fault.kind.replace("_", " ").capitalize()
    status = f" {code}" if (code := getattr(aimed.fault, "status", None)) else ""
    end = "the end" if aimed.until_s is None else _clock(aimed.until_s)
    where = names.get(aimed.target, aimed.target)
    return f"{kind}{status} at {where}, {_clock(aimed.from_s)} to {end}, {100 * aimed.probability:.3g}{THIN}%"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{minutes:.0f}:{rest:04.1f}".removesuffix(".0")


def workload_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """The workload of traffic that really came, from a valid form."""
    match said["traffic"]:
        case "recorded":
            period = {"from": told(said[SINCE]), "until": told(said[UNTIL])}
            return {"kind": RECORDED, **period, WITH_FAILURES: said[WITH_FAILURES]}
        case "again":
            return dict(said[ARRIVALS_OF])
    text = said[TRAFFIC_FILE]
    if is_json_lines(text):
        return {"kind": RECORDED, "trace": text, WITH_FAILURES: said[WITH_FAILURES]}
    return {"kind": "trace", "trace": text}


def check_recorded(form: forms.Form, said: dict[str, Any]) -> None:
    """Checks the controls of the chosen traffic, and puts texts and rows in place of files and ids."""
    try:
        said["listed"] = faults_in(said.get(FAULTS) or "")
    except ValidationError as error:
        form.add_error(FAULTS, error)
    traffic = said.get("traffic")
    used = {RECORDED: (SINCE, UNTIL), FILE: (TRAFFIC_FILE,), AGAIN: (ARRIVALS_OF,)}.get(traffic or "", ())
    for name in (SINCE, UNTIL, TRAFFIC_FILE, ARRIVALS_OF):
        if name not in used:
            form.errors.pop(name, None)
        elif not said.get(name) and name not in form.errors:
            form.add_error(name, "This field is required.")
    if used and said.get("mode") == "real":
        form.add_error("traffic", "Real requests come at a time, or at a rate. Choose Mock for recorded traffic.")
    if traffic == FILE and said.get(TRAFFIC_FILE):
        _read_file(form, said)
    if traffic == AGAIN and said.get(ARRIVALS_OF):
        _read_run(form, said)


def _read_file(form: forms.Form, said: dict[str, Any]) -> None:
    file = said[TRAFFIC_FILE]
    if file.size > MOST_TRACE_BYTES:
        form.add_error(TRAFFIC_FILE, f"This is larger than {MOST_TRACE_BYTES // 1024**2} MB.")
        return
    try:
        said[TRAFFIC_FILE] = file.read().decode("utf-8")
    except UnicodeDecodeError:
        form.add_error(TRAFFIC_FILE, "This is not text.")


def _read_run(form: forms.Form, said: dict[str, Any]) -> None:
    workload = Run.objects.filter(pk=said[ARRIVALS_OF]).values_list("config__workload", flat=True).first()
    if workload and workload.get("arrivals"):
        said[ARRIVALS_OF] = workload
    else:
        form.add_error(None, "The run whose traffic this is is gone. Choose other traffic.")


def scenario_with(scenario: str | dict[str, Any], listed: Sequence[dict[str, Any]]) -> str | dict[str, Any]:
    """The chosen scenario with the listed faults in it."""
    if not listed:
        return scenario
    chosen = SCENARIOS[scenario].to_json() if isinstance(scenario, str) else scenario
    about = {} if chosen["faults"] else {"name": NAME, "description": "Faults that were listed one by one."}
    rest = {name: value for name, value in chosen.items() if name != "needs"}
    return {**rest, **about, "faults": [*listed, *chosen["faults"]]}
