"""Checks in the database that everything that clients can call is usable. No upstream is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError

from access.models import ApiKey
from engine.drivers.litellm_router.contract import why_no_router
from engine.spec import Router
from gateway.explain.skip_reasons import excluded_from
from groups.config_checks import fallback_names
from groups.models import RoutingGroup, RoutingRules, VirtualModel
from groups.routing_rules.alias_targets import resolved
from groups.routing_rules.checks import problems_of
from groups.routing_rules.power_levels import LEVEL_NAMES
from groups.specs import callable_models, spec_of
from providers import rules, secrets
from providers.exceptions import UnreadableKey
from providers.models import Provider
from usage.health.processes import processes_now


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that can't be used as configured: its kind, its name, and the reason."""

    kind: str
    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.why}"


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """The result: counts as `{kind: number}`, the problems, and notices about what works but deserves a look."""

    looked_at: Mapping[str, int]
    problems: tuple[Problem, ...]
    notices: tuple[str, ...] = ()


def verify() -> VerificationReport:
    """Checks every enabled provider with its key, active group, active virtual model and alias; few queries."""
    providers = list(Provider.objects.filter(enabled=True).select_related("key"))
    groups = list(RoutingGroup.objects.with_credentials())
    active = [group for group in groups if group.is_active]
    virtual_models = list(VirtualModel.objects.routable().with_tiers())
    aliases = RoutingRules.objects.current()
    out_of_service = {group.name: "it is inactive" for group in groups if not group.is_active}
    out_of_service |= {group.name: why for group in active if (why := _why_unusable(group))}
    problems = [
        *(Problem("provider", provider.name, why) for provider in providers if (why := _why_unreachable(provider))),
        *_in_groups(active, out_of_service),
        *_in_virtual_models(virtual_models, out_of_service),
        *_in_rules(aliases, {*callable_models(), *(group.name for group in active)}, out_of_service),
    ]
    counts = {"providers": len(providers), "routing groups": len(active), "virtual models": len(virtual_models)}
    trouble = processes_now().trouble
    looked_at = {**counts, "aliases": len(aliases.model_aliases)}
    return VerificationReport(looked_at, tuple(problems), (trouble,) if trouble else ())


def _why_unreachable(provider: Provider) -> str:
    """What a provider lacks, or why its key can't be read."""
    try:
        if (key := getattr(provider, "key", None)) is not None:
            secrets.read(key)
        rules.check_reachable(provider, secrets.hints_of(provider).keys())
        rules.check_address(provider.api_base)
    except UnreadableKey as error:
        return str(error)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def _why_unusable(group: RoutingGroup) -> str:
    """Why no deployment of a group can answer; "" if one can."""
    rows = list(group.deployments.all())
    spec = spec_of(group)
    if spec.router is Router.LITELLM and (why := why_no_router()):
        return why
    excluded = excluded_from(spec, rows, cooling={}, tokens=0)
    if len(excluded) < len(rows):
        return ""
    return "no deployment can answer: " + " ".join(f"{one.deployment_name}: {one.why}" for one in excluded)


def _in_groups(groups: Iterable[RoutingGroup], out_of_service: Mapping[str, str]) -> Iterator[Problem]:
    rows = ApiKey.objects.usable().values_list("pk", "predecessor_ids")
    usable_keys = {str(key) for pk, before in rows for key in (pk, *before)}
    for group in groups:
        if why := out_of_service.get(group.name):
            yield Problem("routing group", group.name, why)
        for name in fallback_names(group.fallback_config):
            if why := out_of_service.get(name):
                yield Problem("routing group", group.name, f"it falls back to {name}, but {why}")
        keys = {*map(str, group.assigned_key_ids)}
        if keys and not group.assigned_team_ids and not keys & usable_keys:
            yield Problem(
                "routing group", group.name, "each API key that it is assigned to is revoked, expired or gone"
            )


def _in_virtual_models(rows: Iterable[VirtualModel], out_of_service: Mapping[str, str]) -> Iterator[Problem]:
    for row in rows:
        for tier in row.tiers.all():
            if why := out_of_service.get(tier.pool.name):
                yield Problem("virtual model", row.name, f"its tier {tier.name} leads to {tier.pool.name}, but {why}")


def _in_rules(
    routing_rules: RoutingRules, callable_names: set[str], out_of_service: Mapping[str, str]
) -> Iterator[Problem]:
    for why in problems_of(routing_rules):
        yield Problem("routing rules", "", why)
    virtual = dict(VirtualModel.objects.values_list("name", "is_active"))
    for alias, target in resolved(routing_rules.model_aliases).items():
        if target in out_of_service:
            yield Problem("alias", alias, f"it leads to {target}, but {out_of_service[target]}")
        elif not virtual.get(target, target in callable_names or target in LEVEL_NAMES):
            yield Problem("alias", alias, f"it leads to {target}, which is switched off")
