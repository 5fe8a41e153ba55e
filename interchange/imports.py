"""Import routing groups from a file: the preview, and the import itself."""

from __future__ import annotations

from typing import Any

from django.db.transaction import atomic

from access.models import Actor, Role
from access.rules import has_role
from groups import rules
from groups.actions import create_group, update_group
from groups.models import RoutingGroup, RoutingRules
from groups.routing_rules.actions import update_rules
from interchange.bundle import Bundle
from interchange.planning.plan import ImportPlan, ImportVerdict, PlannedGroup, planned
from interchange.planning.supplies import fields_of
from interchange.rows import known
from providers import config_version
from providers.actions import create_model, create_provider, create_waiting_provider
from providers.models import Provider


def preview_import(*, by: Actor, bundle: Bundle) -> ImportPlan:
    """The plan of an import. Writes nothing."""
    rules.check_can_edit(by)
    return planned(bundle, known(with_keys=bundle.has_keys), may_add_providers=has_role(by, Role.ADMIN))


@atomic
def import_groups(*, by: Actor, bundle: Bundle) -> ImportPlan:
    """Carries out the plan, which is made again under the lock; all of it or nothing."""
    config_version.bump()
    plan = preview_import(by=by, bundle=bundle)
    _add_providers(plan, by)
    _add_models(plan, by)
    for group in plan.groups:
        _make(group, by)
    _add_aliases(plan, by)
    return plan


def _add_providers(plan: ImportPlan, by: Actor) -> None:
    for draft in plan.providers:
        said: dict[str, Any] = {
            "name": draft.name,
            "type": draft.type,
            "api_base": draft.api_base,
            "settings": dict(draft.settings),
            **draft.adaptations,
            "api_key": draft.key.reveal() if draft.key else "",
            "credentials": {name: secret.reveal() for name, secret in draft.credentials.items()},
        }
        if draft.needs:
            create_waiting_provider(by=by, needs=draft.needs, **said)
        else:
            create_provider(by=by, **said)


def _add_models(plan: ImportPlan, by: Actor) -> None:
    names = {draft.provider for draft in plan.models}
    providers = {provider.name: provider for provider in Provider.objects.filter(name__in=names)}
    for draft in plan.models:
        create_model(by=by, provider=providers[draft.provider], name=draft.name, **fields_of(draft))


def _add_aliases(plan: ImportPlan, by: Actor) -> None:
    if plan.aliases.new:
        stored = RoutingRules.objects.current().model_aliases
        update_rules(by=by, model_aliases={**stored, **plan.aliases.new})


def _make(planned_group: PlannedGroup, by: Actor) -> None:
    draft = planned_group.draft
    fields: dict[str, Any] = {**draft.fields}
    if planned_group.verdict is ImportVerdict.CREATED:
        create_group(by=by, name=draft.name, deployments=draft.deployments, **fields)
    elif planned_group.verdict is ImportVerdict.CHANGED:
        group = RoutingGroup.objects.get(name=draft.name)
        update_group(by=by, group=group, deployments=draft.deployments, **fields)
