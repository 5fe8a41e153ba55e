"""Calibration: scores of real prompts, the effect of thresholds, and storing them."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from access.models import Role
from access.rules import can_operate
from groups.exceptions import RowChanged
from groups.models import Deployment, RoutingGroup, Strategy, VirtualModel, VirtualTier
from groups.routing_rules.facts import usual_of
from groups.virtual import actions
from groups.virtual.calibration import Digest, PoolPrices, outcome_of
from groups.virtual.scoring import rules_of
from groups.virtual.tiers import TierPlan
from pages.guards import PersonRequest, requires
from pages.smart_routing.calibration_forms import PromptsForm, ThresholdsForm, digest_in
from pages.smart_routing.histogram import histogram_of

MILLION = 1_000_000


def prices_of(row: VirtualModel) -> list[PoolPrices]:
    """The pools of a virtual model (loaded `with_tiers`), lowest tier first; two queries."""
    tiers = list(row.tiers.all())
    wanted = [tier.pool_id for tier in tiers]
    groups = {group.pk: group for group in RoutingGroup.objects.with_deployments().filter(pk__in=wanted)}
    return [_of(tier, groups[tier.pool_id]) for tier in tiers]


def _of(tier: VirtualTier, group: RoutingGroup) -> PoolPrices:
    rows = usual_of(group)
    shares = [float(row.weight or 0) if group.strategy == Strategy.WEIGHTED else 1.0 for row in rows]
    charged = [_mean(rows, shares, which) for which in ("input_cost_per_million", "output_cost_per_million")]
    return PoolPrices(tier.name, group.name, *charged)


def _mean(rows: Iterable[Deployment], shares: Iterable[float], which: str) -> float | None:
    """The mean per token; None if one price is unknown."""
    priced = [(getattr(row.model, which), share) for row, share in zip(rows, shares, strict=True) if share]
    if not priced or any(price is None for price, _ in priced):
        return None
    total = fmean(share for _, share in priced)
    return fmean(float(price) * share for price, share in priced) / total / MILLION


PAGE = "smart_routing/calibration.html"


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Role.VIEWER, to="calibrate virtual models")
def calibration(request: PersonRequest, virtual_model_id: UUID) -> HttpResponseBase:
    """Prompts are scored; then thresholds are tried on the scores; `apply` stores them."""
    row = get_object_or_404(VirtualModel.objects.with_tiers(), pk=virtual_model_id)
    if request.method != "POST":
        return _page(request, row, {"prompts": PromptsForm(rules=rules_of(row.scoring))})
    return _tried(request, row) if "digest" in request.POST else _scored(request, row)


def _scored(request: PersonRequest, row: VirtualModel) -> HttpResponse:
    prompts = PromptsForm(request.POST, request.FILES, rules=rules_of(row.scoring))
    if not prompts.is_valid() or prompts.digest is None:
        return _page(request, row, {"prompts": prompts}, part="calibration-result", status=422)
    found = _found(row, prompts.digest, _thresholds(row))
    return _page(request, row, {"prompts": prompts, **found}, part="calibration-result")


def _tried(request: PersonRequest, row: VirtualModel) -> HttpResponseBase:
    form, blank = _thresholds(row, request.POST), PromptsForm(rules=rules_of(row.scoring))
    try:
        digest = digest_in(request.POST)
    except ValidationError as error:
        blank.errors["prompts"] = blank.error_class(error.messages)
        return _page(request, row, {"prompts": blank}, part="calibration-result", status=422)
    if not form.is_valid():
        found = {**_found(row, digest, _thresholds(row)), "form": form}
        return _page(request, row, {"prompts": blank, **found}, part="calibration-outcome", status=422)
    if "apply" in request.POST and can_operate(request.user):
        return _applied(request, row, form)
    return _page(request, row, {"prompts": blank, **_found(row, digest, form)}, part="calibration-outcome")


def _applied(request: PersonRequest, row: VirtualModel, form: ThresholdsForm) -> HttpResponse:
    tiers = list(row.tiers.all())
    lowest = tiers[0].minimum_score
    # The lowest tier takes all scores below the next one, regardless of its own minimum.
    minima = [lowest if lowest is not None and lowest < form.thresholds[0] else None, *form.thresholds]
    plans = [
        TierPlan(pool=t.pool.name, minimum_score=minimum, name=t.name) for t, minimum in zip(tiers, minima, strict=True)
    ]
    try:
        known = [request.POST.get("etag", "")]
        actions.update_virtual_model(by=request.user, virtual_model=row, tiers=plans, if_match=known)
        messages.success(request, f"{row.name} now goes by {' and '.join(map(str, form.thresholds))}.")
    except RowChanged as error:
        messages.error(request, str(error))
    return redirect("playground", row.pk)


def _thresholds(row: VirtualModel, data: Any = None) -> ThresholdsForm:
    tiers = list(row.tiers.all())[1:]
    return ThresholdsForm(data, stored=[t.minimum_score or 0 for t in tiers], names=[t.name for t in tiers])


def _found(row: VirtualModel, digest: Digest, form: ThresholdsForm) -> dict[str, Any]:
    thresholds = form.thresholds
    return {
        "digest": digest,
        "form": form,
        "histogram": histogram_of(digest, thresholds),
        "outcome": outcome_of(digest, thresholds, prices_of(row), form.tokens),
    }


def _page(
    request: PersonRequest, row: VirtualModel, context: dict[str, Any], *, part: str = "", status: int = 200
) -> HttpResponse:
    about = {"row": row, "tab": "calibration", "can_edit": can_operate(request.user), **context}
    return render(request, f"{PAGE}#{part}" if part and request.htmx else PAGE, about, status=status)
