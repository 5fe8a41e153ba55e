"""The page of the routing rules: each part is saved as soon as it changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import SuspiciousOperation, ValidationError
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from access.models import Role
from access.rules import can_operate
from groups.models import RoutingRules
from groups.routing_rules import actions
from groups.routing_rules.alias_targets import all_targets, offered_targets
from groups.routing_rules.aliases import pairs_of
from groups.routing_rules.checks import troubles_with
from pages.guards import PersonRequest, requires
from pages.smart_routing.steps import chain_links, changed_aliases, changed_chain, providers_left
from pages.smart_routing.strategies import CARDS, level_cards, measures_of
from usage.health.level_rankings import measured_pools, rankings_of


@dataclass(frozen=True, slots=True)
class AliasRow:
    """One alias as typed. `leads_to` is the called name; `why` is the problem, `is_wrong`: it can't be saved."""

    number: int
    alias: str
    target: str
    leads_to: str = ""
    why: str = ""
    is_wrong: bool = False


def alias_rows(pairs: Iterable[tuple[str, str]]) -> list[AliasRow]:
    """The aliases in order, numbered from 1; eight queries. Pairs of nothing are left out, and keep their number."""
    typed = {number: pair for number, pair in enumerate(pairs, start=1) if any(pair)}
    first: dict[str, int] = {}
    for number, (alias, _) in typed.items():
        first.setdefault(alias, number)
    aliases = {alias: typed[number][1] for alias, number in first.items()}
    troubles, targets = troubles_with(aliases), all_targets()
    rows = list[AliasRow]()
    for number, (alias, target) in typed.items():
        why, is_wrong = troubles.get(alias, ("", False))
        if first[alias] != number:
            why, is_wrong = "This alias is in another row already.", True
        rows.append(AliasRow(number, alias, target, targets.find(target) or "", why, is_wrong))
    return rows


PAGE = "smart_routing/routing_rules.html"


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Role.VIEWER, to="see the routing rules")
def routing_rules(request: PersonRequest) -> HttpResponseBase:
    """The page; POST saves the part of it in `part`."""
    return save_part(request) if request.method == "POST" else _page(request, {})


@requires(Role.OPERATOR, to="change routing rules")
def save_part(request: PersonRequest) -> HttpResponseBase:
    """Saves the changed part, and shows it again."""
    save = SAVES.get(request.POST.get("part", ""))
    if save is None:
        raise SuspiciousOperation("The routing rules have no such part.")
    return save(request)


def _save_levels(request: PersonRequest) -> HttpResponseBase:
    given = {name: request.POST.get(f"weight_{name}", "") for name in ("cost", "latency", "quality")}
    fields: dict[str, Any] = {"strategy": request.POST.get("strategy", "")}
    try:
        if fields["strategy"] == "custom":
            fields["weights"] = {name: _number(text) for name, text in given.items()}
        actions.update_rules(by=request.user, **fields)
    except ValidationError as error:
        typed = {"typed_strategy": fields["strategy"], "typed_weights": given, "level_errors": error.messages}
        return _page(request, typed, part="rules-levels", status=422)
    return _saved(request, "rules-levels")


def _save_chain(request: PersonRequest) -> HttpResponseBase:
    entries = changed_chain(request.POST.getlist("provider"), request.POST.get("change", ""))
    try:
        actions.update_rules(by=request.user, fallback_providers=entries)
    except ValidationError as error:
        return _page(request, {"chain_errors": error.messages}, part="rules-chain", status=422)
    return _saved(request, "rules-chain")


def _save_aliases(request: PersonRequest) -> HttpResponseBase:
    """Saves the rows. After an edit only what is said beside them is sent: somebody is typing in them."""
    data = request.POST
    is_edit = data.get("change") == "edit" and bool(request.htmx)
    part = "alias-said" if is_edit else "rules-aliases"
    rows = alias_rows(changed_aliases(_pairs(data), data.get("change", ""), () if is_edit else _new_pairs(data)))
    typed = {"alias_rows": rows}
    if any(row.is_wrong for row in rows):
        return _page(request, {**typed, "not_saved": True}, part=part, status=422)
    try:
        actions.update_rules(by=request.user, model_aliases={row.alias: row.target for row in rows})
    except ValidationError as error:
        return _page(request, {**typed, "alias_errors": error.messages}, part=part, status=422)
    return _saved(request, part, typed if is_edit else None)


def _pairs(data: QueryDict) -> list[tuple[str, str]]:
    names, targets = data.getlist("alias"), data.getlist("target")
    return [(name.strip(), target.strip()) for name, target in zip(names, targets, strict=False)]


def _new_pairs(data: QueryDict) -> list[tuple[str, str]]:
    typed = (data.get("new_alias", "").strip(), data.get("new_target", "").strip())
    return [typed, *pairs_of(data.get("pasted", ""))]


SAVES = {"levels": _save_levels, "chain": _save_chain, "aliases": _save_aliases}


def _number(text: str) -> float:
    try:
        return float(text or 0)
    except ValueError:
        raise ValidationError({"weights": f"'{text[:32]}' is not a number; give one of 0 or more, such as 40."})


def _saved(request: PersonRequest, part: str, typed: dict[str, Any] | None = None) -> HttpResponseBase:
    """The part as stored; for browsers without JavaScript, the page."""
    if not request.htmx:
        return redirect("routing-rules")
    return _page(request, {"saved": part, **(typed or {})}, part=part)


def _page(request: PersonRequest, more: dict[str, Any], *, part: str = "", status: int = 200) -> HttpResponse:
    rules = RoutingRules.objects.current()
    context = {"rules": rules, "can_edit": can_operate(request.user), "is_part": bool(part and request.htmx)}
    for name, of_part in PARTS.items():
        if not context["is_part"] or name == part:
            context |= of_part(rules)
    context |= more
    return render(request, f"{PAGE}#{part}" if context["is_part"] else PAGE, context, status=status)


def _levels(rules: RoutingRules) -> dict[str, Any]:
    rankings = rankings_of(measured_pools(), rules)
    return {
        "strategies": CARDS,
        "typed_strategy": rules.strategy,
        "typed_weights": rules.weights,
        "ranking": measures_of(rankings["auto"]),
        "levels": level_cards(rankings),
    }


def _chain(rules: RoutingRules) -> dict[str, Any]:
    return {"links": chain_links(rules.fallback_providers), "left": providers_left(rules.fallback_providers)}


def _aliases(rules: RoutingRules) -> dict[str, Any]:
    # PostgreSQL keeps them in no order of ours.
    return {"alias_rows": alias_rows(sorted(rules.model_aliases.items())), "alias_targets": offered_targets()}


PARTS = {"rules-levels": _levels, "rules-chain": _chain, "rules-aliases": _aliases}
