"""The name that a client calls -> the groups that it leads to, as the gateway finds them (`gateway/resolve.py`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from access.keys import MASTER, KeyHolder
from engine.exceptions import BadInput
from engine.spec import FallbackPolicy, GroupSpec, Strategy
from engine.virtual import VirtualSpec
from groups.models import RoutingGroup, RoutingRules, VirtualModel
from groups.routing_rules.alias_targets import resolved
from groups.routing_rules.power_levels import AUTO, LEVEL_NAMES
from groups.specs import callable_models, specs_with_fallbacks
from groups.virtual.specs import virtual_spec_of
from tester.scene import MOST_DEPLOYMENTS, DrawnGroup
from tester.scene.drawings import drawn_group
from usage.health.level_rankings import current_rankings

FIELD = "model"
NAMED = 20


@dataclass(frozen=True, slots=True)
class Calling:
    """What is called, by whom. The first of `groups` answers where nothing else says so.

    `asked` is the client's own word, `name` what an alias and the caller's power level make of it. With `virtual`, the
    groups are its pools in service. `holder` is the key that calls; the master key has no limits.
    """

    asked: str
    name: str
    groups: tuple[RoutingGroup, ...]
    virtual: VirtualSpec | None = None
    holder: KeyHolder = field(default=MASTER)

    @property
    def group(self) -> RoutingGroup:
        return self.groups[0]

    @property
    def is_plain(self) -> bool:
        """Whether it is the group itself, without a key: as it has always been rehearsed."""
        return self.asked == self.group.name and self.holder is MASTER

    def specs(self) -> list[GroupSpec]:
        """Its groups, then those that they can fall back to, as far as the key may use them."""
        found: dict[str, GroupSpec] = {}
        for group in self.groups:
            for spec in specs_with_fallbacks(group):
                found.setdefault(spec.name, spec)
        first = [group.name for group in self.groups]
        specs = [*(found[name] for name in first), *(spec for name, spec in found.items() if name not in first)]
        if self.holder is MASTER:
            return specs
        return [_narrowed(spec, self._usable(specs)) for spec in specs]

    def drawn(self) -> DrawnGroup:
        """For the diagram: the group, or all deployments of the pools side by side."""
        if len(self.groups) == 1:
            return drawn_group(self.group)
        rows = {row.deployment_id: row for group in self.groups for row in drawn_group(group).deployments}
        return DrawnGroup(self.asked, Strategy.SIMPLE_SHUFFLE, tuple(rows.values())[:MOST_DEPLOYMENTS])

    def _usable(self, specs: Iterable[GroupSpec]) -> set[str]:
        pools = {group.name for group in self.groups}
        names = {spec.name for spec in specs}
        assigned = _assignments(names)
        return {
            name
            for name in names
            if (name in pools or self.holder.allows(name)) and self.holder.is_among(assigned.get(name))
        }


def calling_of(asked: str, holder: KeyHolder = MASTER) -> Calling:
    """What a client calls; raises BadInput for a name that leads nowhere, or that the key may not call."""
    name = resolved(RoutingRules.objects.current().model_aliases).get(asked, asked)
    if name == AUTO and holder.power_level and not _in_service(name):
        name = f"{AUTO}-{holder.power_level}"
    calling = _found(asked, name, holder)
    _check_may_call(calling)
    return calling


def calling_of_group(group: RoutingGroup, holder: KeyHolder) -> Calling:
    """A group by its own name, in service or not; raises BadInput if the key may not call it."""
    calling = Calling(group.name, group.name, (group,), holder=holder)
    _check_may_call(calling)
    return calling


def names_of(group: RoutingGroup) -> list[str]:
    """The names by which clients call a group: its own, aliases, virtual models and power levels; five queries."""
    virtual = [
        *VirtualModel.objects.routable().filter(tiers__pool=group).order_by("name").values_list("name", flat=True)
    ]
    levels = [level for level, pools in current_rankings().items() if pools and pools[0].facts.name == group.name]
    leading = {group.name, *virtual, *levels}
    aliases = resolved(RoutingRules.objects.current().model_aliases)
    names = [group.name, *virtual, *levels, *(alias for alias, name in aliases.items() if name in leading)]
    return list(dict.fromkeys(names))


def _found(asked: str, name: str, holder: KeyHolder) -> Calling:
    if (group := _in_service(name)) is not None:
        return Calling(asked, name, (group,), holder=holder)
    if name in LEVEL_NAMES:
        return Calling(asked, name, (_of_level(name, holder),), holder=holder)
    if (row := VirtualModel.objects.routable().with_tiers().filter(name=name).first()) is not None:
        virtual = virtual_spec_of(row)
        return Calling(asked, name, _pools(virtual), virtual, holder)
    if name in callable_models():
        raise BadInput(FIELD, f"'{name}' is a model of the catalog. Put it into a routing group to rehearse it.")
    known = [*RoutingGroup.objects.routable().values_list("name", flat=True)[:NAMED]]
    known += VirtualModel.objects.routable().values_list("name", flat=True)[:NAMED]
    raise BadInput(FIELD, f"'{asked[:128]}' can't be called. There are: {', '.join(known) or 'none yet'}.")


def _in_service(name: str) -> RoutingGroup | None:
    return RoutingGroup.objects.routable().filter(name=name).first()


def _of_level(level: str, holder: KeyHolder) -> RoutingGroup:
    """The best group in service that the key may see."""
    names = [one.facts.name for one in current_rankings().get(level, ())]
    rows = {row.name: row for row in RoutingGroup.objects.routable().filter(name__in=names)}
    assigned = _assignments(names)
    for name in names:
        if name in rows and holder.is_among(assigned.get(name)):
            return rows[name]
    why = f"There is no routing group that '{level}' may choose. Add a chat group to the power levels."
    raise BadInput(FIELD, why)


def _pools(virtual: VirtualSpec) -> tuple[RoutingGroup, ...]:
    """The pools in service, that of the default tier first."""
    tiers = sorted(virtual.tiers, key=lambda tier: tier.name != virtual.default)
    rows = {row.name: row for row in RoutingGroup.objects.routable().filter(name__in=[one.pool for one in tiers])}
    if found := [rows[name] for name in dict.fromkeys(one.pool for one in tiers) if name in rows]:
        return tuple(found)
    raise BadInput(FIELD, f"'{virtual.name}' has no pool in service. Switch one on.")


def _check_may_call(calling: Calling) -> None:
    holder = calling.holder
    if not (holder.allows(calling.asked) or holder.allows(calling.name)):
        few = ", ".join(sorted(holder.allowed_models)[:5])
        raise BadInput("key", f"This key may not call '{calling.asked}': it allows {few}.")
    assigned = _assignments([group.name for group in calling.groups])
    for name, to in assigned.items():
        if not holder.is_among(to):
            raise BadInput("key", f"This key may not call '{name}': the group is assigned to others.")


def _assignments(names: Iterable[str]) -> dict[str, frozenset[str]]:
    """To whom these groups are assigned; one that is open to everybody is not in it."""
    rows = RoutingGroup.objects.filter(name__in=[*names]).values_list("name", "assigned_team_ids", "assigned_key_ids")
    return {name: frozenset(map(str, [*teams, *keys])) for name, teams, keys in rows if teams or keys}


def _narrowed(spec: GroupSpec, usable: set[str]) -> GroupSpec:
    lists = (spec.fallback.groups, spec.fallback.context_window_groups, spec.fallback.content_policy_groups)
    kept = FallbackPolicy(*(tuple(name for name in one if name in usable) for one in lists))
    return replace(spec, fallback=kept)
