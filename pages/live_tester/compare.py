"""A group beside another configuration: the form, and the differences as a table."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods

from access.models import Role
from engine.exceptions import BadInput
from groups.models import RoutingGroup
from pages.groups.builder.deployment_rows import is_id
from pages.guards import PersonRequest, requires
from pages.live_tester.compare_form import CompareForm
from tester.comparing.performing import Comparison, compare
from tester.comparing.planning import plan_comparison
from tester.comparing.wording import lines_of
from tester.exceptions import RunBroken
from tester.models import Run

PAGE = "live_tester/compare.html"
# Fields of the form by their names in BadInput.
FIELDS = {"num_requests": "num_requests", "workload": "num_requests", "scenario": "scenario", "seeds": "seeds"}


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Role.OPERATOR, to="compare configurations")
def compare_page(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """GET shows the form, filled from the address; POST rehearses both sides and shows how they differ."""
    group = get_object_or_404(RoutingGroup.objects.with_deployments(), pk=group_id)
    if request.method != "POST":
        return render(request, PAGE, {"group": group, "form": CompareForm(group=group, initial=_initial(request))})
    form = CompareForm(request.POST, group=group)
    context: dict[str, Any] = {"group": group, "form": form}
    try:
        compared = _compared(request, group, form) if form.is_valid() else None
    except RunBroken as broken:
        return render(request, PAGE, {**context, "broken": str(broken)}, status=503)
    if compared is None:
        return render(request, PAGE, context, status=422)
    return render(request, PAGE, {**context, **_shown(compared)})


def _initial(request: PersonRequest) -> dict[str, Any]:
    """What the address says, and the scenario, number of requests and seed of the run that it names."""
    asked = request.GET.dict()
    run = Run.objects.without_bulk().filter(pk=asked["run"]).first() if is_id(asked.get("run", "")) else None
    if run is None:
        return asked
    return {"scenario": run.scenario, "seed": run.seed, **asked}


def _compared(request: PersonRequest, group: RoutingGroup, form: CompareForm) -> Comparison | None:
    try:
        planned = plan_comparison(group, form.other_side, form.asked, seeds=form.cleaned_data["seeds"])
    except BadInput as error:
        field = "against" if error.field.startswith("against") else FIELDS.get(error.field)
        form.add_error(field, error.message)
        return None
    return compare(by=request.user, plan=planned)


def _shown(compared: Comparison) -> dict[str, Any]:
    told = compared.to_json()
    lines = lines_of(compared.differences, told["a"], told["b"])
    return {
        "told": told,
        "lines": lines,
        "is_same": all(one.low == one.high == 0 for one in compared.differences if one.low is not None),
        "no_effect": [(side.upper(), fault["message"]) for side in ("a", "b") for fault in _missed(told, side)],
    }


def _missed(told: dict[str, Any], side: str) -> list[dict[str, Any]]:
    missed: list[dict[str, Any]] = told[side]["faults_not_struck"]
    return missed
