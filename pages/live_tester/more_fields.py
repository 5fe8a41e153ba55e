"""The Live Tester's folded controls: seeds, what callers do, how much the deployments take, and their own speeds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from engine.rehearsal.capacity import MOST_QUEUED, MOST_SLOTS
from engine.rehearsal.clients import LONGEST_PATIENCE_S, MOST_RETRIES
from pages.forms import WholeNumberField
from tester.runs.seeds import MOST_SEEDS, usual_seeds

SEEDS, SLOTS, QUEUE = "seeds", "slots", "queue"
RETRIES, OBEYS, PATIENCE = "client_retries", "obeys_retry_after", "gives_up_after_s"
PROFILES_FILE, PROFILES = "profiles_file", "profiles"
MOST_BYTES = 1024 * 1024
EVERYWHERE = {"kind": "capacity", "target": "*"}
PROFILES_EXPECTED = "Give an object of deployment ids, each with first_token_ms and tokens_per_s."
# The fields by the beginning of their names in BadInput.
NAMES = {"workload.clients.gives_up_after_s": PATIENCE, "workload.clients": RETRIES, "profiles": PROFILES_FILE}


def fields_more() -> Iterator[tuple[str, forms.Field]]:
    """All of them are optional."""
    yield SEEDS, WholeNumberField(label="Seeds", max_value=MOST_SEEDS, help_text="Empty: as many as usual.")
    yield RETRIES, WholeNumberField(label="Callers ask again, times", min_value=0, max_value=MOST_RETRIES)
    yield PATIENCE, _seconds("Callers leave after, s")
    yield OBEYS, forms.BooleanField(label="Callers obey Retry-After", required=False, initial=True)
    yield SLOTS, WholeNumberField(label="Requests at a time at each deployment", max_value=MOST_SLOTS)
    yield QUEUE, WholeNumberField(label="More wait there, at most", min_value=0, max_value=MOST_QUEUED)
    help_text = "Speeds by deployment id as JSON; those of others are measured."
    yield PROFILES_FILE, forms.FileField(label="Own speeds", required=False, help_text=help_text)
    yield PROFILES, forms.CharField(required=False, max_length=MOST_BYTES, widget=forms.HiddenInput)


def _seconds(label: str) -> forms.FloatField:
    widget = forms.NumberInput(attrs={"class": "input", "inputmode": "decimal", "step": "any"})
    return forms.FloatField(label=label, required=False, min_value=0.001, max_value=LONGEST_PATIENCE_S, widget=widget)


def initial_more(config: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a run, from its configuration."""
    clients = (config.get("workload") or {}).get("clients") or {}
    capacity: Mapping[str, Any] = next((fault for fault in _faults_in(config) if is_everywhere(fault)), {})
    given = {name: row for name, row in (config.get(PROFILES) or {}).items() if row.get("source") == "given"}
    told = {
        SEEDS: None if config.get(SEEDS) == usual_seeds() else config.get(SEEDS),
        RETRIES: clients.get("retries"),
        PATIENCE: clients.get(PATIENCE),
        OBEYS: clients.get(OBEYS, True),
        SLOTS: capacity.get("slots"),
        QUEUE: capacity.get("queue"),
    }
    return {**told, **({PROFILES: json.dumps(given)} if given else {})}


def is_everywhere(fault: Mapping[str, Any]) -> bool:
    """Whether a fault is the capacity that these controls give to all deployments."""
    return fault.items() >= EVERYWHERE.items() and not fault.get("from_s") and fault.get("until_s") is None


def _faults_in(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    scenario = config.get("scenario")
    return list(scenario.get("faults") or ()) if isinstance(scenario, Mapping) else []


def check_more(form: forms.Form, said: dict[str, Any]) -> None:
    """Puts the text of the file in place of the one before, so that it is sent again with a form that is wrong."""
    if said.get(QUEUE) is not None and said.get(SLOTS) is None and SLOTS not in form.errors:
        form.add_error(SLOTS, "Say how many are served before others wait.")
    if file := said.get(PROFILES_FILE):
        _read_file(form, said, file)
    if text := said.get(PROFILES):
        _read_profiles(form, said, text)


def _read_file(form: forms.Form, said: dict[str, Any], file: Any) -> None:
    said[PROFILES] = ""
    if file.size > MOST_BYTES:
        form.add_error(PROFILES_FILE, "This is larger than 1 MB.")
        return
    try:
        said[PROFILES] = file.read().decode("utf-8")
    except UnicodeDecodeError:
        form.add_error(PROFILES_FILE, "This is not text.")
        return
    form.data = {**form.data, PROFILES: said[PROFILES]}


def _read_profiles(form: forms.Form, said: dict[str, Any], text: str) -> None:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        form.add_error(PROFILES_FILE, f"This is not valid JSON. {PROFILES_EXPECTED}")
        return
    if isinstance(read, dict):
        said["own_profiles"] = read
    else:
        form.add_error(PROFILES_FILE, PROFILES_EXPECTED)


def clients_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """What callers do, as part of a workload; nothing where nothing was typed."""
    typed = {"retries": said[RETRIES], PATIENCE: said[PATIENCE]}
    given = {name: value for name, value in typed.items() if value is not None}
    return {"clients": {**given, OBEYS: said[OBEYS]}} if given else {}


def capacity_of(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The capacity of all deployments, as a fault."""
    if said.get(SLOTS) is None:
        return []
    return [{**EVERYWHERE, "slots": said[SLOTS], **({} if said[QUEUE] is None else {"queue": said[QUEUE]})}]


def field_of(name: str) -> str | None:
    """The field whose input is wrong, by its name in BadInput."""
    return next((field for beginning, field in NAMES.items() if name.startswith(beginning)), None)


def place_in(name: str) -> str:
    """The place in the file of own speeds, before what is wrong there; empty for other fields."""
    return f"{name.removeprefix('profiles.')}: " if name.startswith("profiles.") else ""
