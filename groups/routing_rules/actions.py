"""Change the routing rules. As with groups, changes are serialised: see `groups/actions.py`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypedDict, Unpack

from django.db.transaction import atomic

from access.models import Actor, Role
from access.rules import check_role
from groups.exceptions import RulesChanged
from groups.models import RoutingRules
from groups.routing_rules import checks
from groups.versions.revisions import is_stale, save_revision
from lib.audit import CHANGED, keep
from providers import config_version

CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "strategy": checks.checked_strategy,
    "weights": checks.checked_weights,
    "fallback_providers": checks.checked_providers,
    "model_aliases": checks.checked_aliases,
}


class RulesFields(TypedDict, total=False):
    """The editable fields of the rules."""

    strategy: str
    weights: dict[str, float]
    fallback_providers: list[str]
    model_aliases: dict[str, str]


@atomic
def update_rules(*, by: Actor, if_match: Collection[str] | None = None, **fields: Unpack[RulesFields]) -> RoutingRules:
    """Changes the given fields. Raises ValidationError; RulesChanged if `if_match` (ETags) names another version."""
    config_version.bump()
    check_role(by, Role.OPERATOR, to="change routing rules")
    rules = RoutingRules.objects.current()
    if is_stale(rules.etag, if_match):
        raise RulesChanged(rules.etag)
    changes: dict[str, tuple[Any, Any]] = {}
    for name, value in fields.items():
        before, after = getattr(rules, name), CHECKS[name](value)
        if before != after or [*before] != [*after]:  # another order of the aliases is a change too
            changes[name] = (before, after)
            setattr(rules, name, after)
    if changes:
        _store(rules, changes, by)
    return rules


def follow_rename(*, by: Actor, old: str, new: str) -> None:
    """Updates the aliases of a renamed group or virtual model, in the transaction of the rename."""
    rules = RoutingRules.objects.current()
    if old in rules.model_aliases.values():
        before = rules.model_aliases
        rules.model_aliases = {alias: new if target == old else target for alias, target in before.items()}
        _store(rules, {"model_aliases": (before, rules.model_aliases)}, by)


def _store(rules: RoutingRules, changes: Mapping[str, tuple[Any, Any]], by: Actor) -> None:
    save_revision(rules, by=by)
    texts = {name: (_text(before), _text(after)) for name, (before, after) in changes.items()}
    keep(CHANGED, rules, texts, by=by, revision=rules.revision)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {part}" for name, part in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)
