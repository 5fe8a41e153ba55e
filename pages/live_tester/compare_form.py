"""The form of a comparison: against what, in which scenario, with how many requests and seeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms

from engine.faults.scenarios import SCENARIOS
from engine.spec import Router
from groups.models import RoutingGroup
from groups.versions import history
from pages.forms import SelectField, WholeNumberField
from tester.comparing.planning import ROUTER_NAMES, Against
from tester.run_planning import MOST_REQUESTS, RunRequest
from tester.runs.seeds import MOST_SEEDS, usual_seeds

ROUTER, REVISION, GROUP = "router", "revision", "group"
MOST_REVISIONS, MOST_GROUPS = 30, 500
DEFAULT_SCENARIO = "primary-outage"
Choices = list[tuple[str, str]]


class CompareForm(forms.Form):
    """The other side is one select: a router, an earlier revision, or another group."""

    against = SelectField(label="Against")
    scenario = SelectField(label="Scenario", initial=DEFAULT_SCENARIO)
    num_requests = WholeNumberField(
        label="Number of requests", max_value=MOST_REQUESTS, help_text="Empty: as many as the scenario needs."
    )
    seeds = WholeNumberField(
        label="Seeds", initial=usual_seeds, max_value=MOST_SEEDS, help_text="More seeds tell chance from difference."
    )
    seed = forms.IntegerField(
        label="First seed",
        required=False,
        min_value=0,
        max_value=2**53 - 1,
        widget=forms.NumberInput({"class": "input", "inputmode": "numeric"}),
        help_text="Empty: a random one.",
    )

    def __init__(self, data: Any = None, *, group: RoutingGroup, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.fields["against"].choices = list(_others(group))  # type: ignore[attr-defined]
        self.fields["scenario"].choices = [(name, name.replace("-", " ").capitalize()) for name in SCENARIOS]  # type: ignore[attr-defined]

    @property
    def other_side(self) -> Against:
        """The other side in the valid form."""
        kind, _, name = self.cleaned_data["against"].partition(":")
        if kind == REVISION:
            return Against(revision=int(name))
        return Against(router=name) if kind == ROUTER else Against(routing_group_id=UUID(name))

    @property
    def asked(self) -> RunRequest:
        """The rehearsal in the valid form."""
        return RunRequest(**{name: self.cleaned_data[name] for name in ("scenario", "num_requests", "seed")})


def _others(group: RoutingGroup) -> Iterator[tuple[str, Choices]]:
    routers = [router for router in (Router.LITELLM, Router.NATIVE) if router != group.settings.get("router", "native")]
    yield "Another router", [(f"{ROUTER}:{router.value}", ROUTER_NAMES[router]) for router in routers]
    if revisions := _revisions(group):
        yield "An earlier revision", revisions
    others = RoutingGroup.objects.exclude(pk=group.pk).values_list("pk", "name")[:MOST_GROUPS]
    if groups := [(f"{GROUP}:{key}", name) for key, name in others]:
        yield "Another group", groups


def _revisions(group: RoutingGroup) -> Choices:
    kept = history.versions(history.entries_of(group.pk)[: MOST_REVISIONS + 1])
    earlier = {one.revision: one for one in kept if one.revision < group.revision}
    return [(f"{REVISION}:{n}", f"Revision {n}, {one.at:%Y-%m-%d %H:%M}") for n, one in earlier.items()]
