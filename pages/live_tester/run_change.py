"""Changing a running rehearsal from its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.views.decorators.http import require_POST

from access.models import Role
from engine.exceptions import BadInput
from engine.faults.scenarios import SCENARIOS
from lib.exceptions import DomainError
from pages.guards import PersonRequest, requires
from pages.live_tester.forms import RATE
from pages.live_tester.views import run_page
from tester import actions
from tester.change_planning import AskedChange, plan_change
from tester.models import Run
from tester.runs.conduct import conduct_in_background
from tester.scene import DrawnDeployment
from tester.scene.drawings import drawn_group_of


class ChangeForm(forms.Form):
    """A change of a run. `shown_scenario` is the one on the page: the same again is not a change."""

    at_ms = forms.FloatField(label="Moment of the change", required=False, min_value=0)
    scenario = forms.ChoiceField(label="Scenario", required=False, choices=[(name, name) for name in SCENARIOS])
    shown_scenario = forms.CharField(required=False)

    def __init__(self, data: Any, *, run: Run, deployments: Sequence[DrawnDeployment]) -> None:
        super().__init__(data)
        self._run = run
        self._sliders = {f"{RATE}{n}": deployment.deployment_id for n, deployment in enumerate(deployments)}
        for number, slider in enumerate(self._sliders):
            label = f"{deployments[number].name} errors"
            self.fields[slider] = forms.IntegerField(label=label, min_value=0, max_value=100, required=False)

    @property
    def asked(self) -> AskedChange:
        """The change in the valid form."""
        scenario, rates = self.cleaned_data["scenario"], self._rates()
        return AskedChange(
            at_ms=self.cleaned_data["at_ms"],
            scenario=scenario if scenario != self.cleaned_data["shown_scenario"] else None,
            failure_injection=None if rates is None else {"deployment_failure_rates": rates},
        )

    @property
    def complaint(self) -> str:
        """The form's errors, in one line."""
        lines = ((self.fields[name].label or name, why) for name, reasons in self.errors.items() for why in reasons)
        return " ".join(f"{label}: {why}" for label, why in lines)

    def _rates(self) -> dict[str, float] | None:
        """All rates, because a change replaces them all; rates of fallback groups have no slider and stay."""
        moved = {name: self.cleaned_data[slider] for slider, name in self._sliders.items() if slider in self.data}
        if not moved:
            return None
        rates: dict[str, float] = dict(self._run.config.get("failure_rates", {}))
        for name, percent in moved.items():
            if round(100 * rates.get(name, 0.0)) != (percent or 0):
                rates[name] = (percent or 0) / 100
        return rates


@require_POST
@requires(Role.OPERATOR, to="change a rehearsal")
def change(request: PersonRequest, run_id: UUID) -> HttpResponseBase:
    """Starts a run that equals this one up to the change, and continues in it from that moment."""
    run = get_object_or_404(Run.objects.select_related("group"), pk=run_id)
    form = ChangeForm(request.POST, run=run, deployments=drawn_group_of(run).deployments)
    try:
        changed = _changed(request, run, form) if form.is_valid() else None
    except (BadInput, DomainError) as error:
        return run_page(request, run, not_changed=getattr(error, "message", str(error)), status=422)
    if changed is None:
        return run_page(request, run, not_changed=form.complaint, status=422)
    return redirect(f"{resolve_url('run', changed.pk)}?play=1&from={changed.config['changes'][-1]['at_ms']:.10g}")


def _changed(request: PersonRequest, run: Run, form: ChangeForm) -> Run:
    planned = plan_change(run, form.asked)
    changed = actions.change_run(by=request.user, run=run, change=planned)
    conduct_in_background(changed, planned.job)
    return changed
