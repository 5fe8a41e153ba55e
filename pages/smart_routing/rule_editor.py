"""The page of the routing rules: each part is saved as soon as it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import SuspiciousOperation, ValidationError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from access.models import Role
from access.rules import can_operate
from groups.models import RoutingRules
from groups.routing_rules import actions
from groups.routing_rules.alias_targets import all_targets
from groups.routing_rules.aliases import lines_of, parsed
from groups.routing_rules.checks import troubles_with
from pages.guards import PersonRequest, requires
from pages.smart_routing.steps import chain_links, changed_chain, providers_left
from pages.smart_routing.strategies import CARDS, level_cards, measures_of
from usage.health.level_rankings import measured_pools, rankings_of


@dataclass(frozen=True, slots=True)
class AliasLine:
    """One line. `leads_to` is the called name; `why` is the problem, `is_wrong`: it can't be saved."""

    number: int
    text: str
    alias: str = ""
    target: str = ""
    leads_to: str = ""
    why: str = ""
    is_wrong: bool = False


def alias_lines(text: str) -> list[AliasLine]:
    """The non-empty lines in order; eight queries."""
    aliases, problems = parsed(text)
    troubles, targets = troubles_with(aliases), all_targets()
    wrong = {problem.number: problem for problem in problems}
    lines, left = list[AliasLine](), iter(aliases.items())
    for number, line in enumerate(text.splitlines(), start=1):
        if number in wrong:
            lines.append(AliasLine(number, line.strip(), why=wrong[number].why, is_wrong=True))
        elif line.strip() and not line.strip().startswith("#"):
            alias, target = next(left)
            why, is_fatal = troubles.get(alias, ("", False))
            lines.append(AliasLine(number, line.strip(), alias, target, targets.find(target) or "", why, is_fatal))
    return lines


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
    text = request.POST.get("aliases", "")
    lines = alias_lines(text)
    typed = {"alias_text": text, "alias_lines": lines}
    if any(line.is_wrong for line in lines):
        return _page(request, typed, part="rules-aliases", status=422)
    try:
        actions.update_rules(by=request.user, model_aliases={line.alias: line.target for line in lines if line.alias})
    except ValidationError as error:
        return _page(request, {**typed, "alias_errors": error.messages}, part="rules-aliases", status=422)
    return _saved(request, "rules-aliases", typed)


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
    text = lines_of(rules.model_aliases)
    return {"alias_text": text, "alias_lines": alias_lines(text)}


PARTS = {"rules-levels": _levels, "rules-chain": _chain, "rules-aliases": _aliases}
