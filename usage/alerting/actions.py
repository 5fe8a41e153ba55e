"""The action that changes the thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.transaction import atomic

from access.models import Actor, Role
from access.rules import check_role
from lib.audit import CHANGED, changes_between, keep
from providers import config_version
from usage.alerting.alerts import resolve_alerts
from usage.alerting.thresholds import checked_threshold, current_rules
from usage.models import AlertKind, AlertRule


@dataclass(frozen=True, slots=True)
class RuleSetting:
    """The editable fields of one rule."""

    threshold: float
    is_enabled: bool = True


@atomic
def change_rules(*, by: Actor, settings: Mapping[AlertKind, RuleSetting]) -> dict[AlertKind, AlertRule]:
    """Sets these rules, all or none; switching a rule off resolves its alerts.

    Returns all rules. Raises ValidationError, by kind.
    """
    config_version.bump()
    check_role(by, Role.ADMIN, to="change when alerts are raised")
    _check(settings)
    rules = current_rules()
    for kind, setting in settings.items():
        _set(rules[kind], setting, by)
    return rules


def _check(settings: Mapping[AlertKind, RuleSetting]) -> None:
    wrong = {}
    for kind, setting in settings.items():
        try:
            checked_threshold(kind, setting.threshold)
        except ValidationError as error:
            wrong[kind.value] = error.messages
    if wrong:
        raise ValidationError(wrong)


def _set(rule: AlertRule, setting: RuleSetting, by: Actor) -> None:
    before = RuleSetting(rule.threshold, rule.is_enabled)
    if before == setting:
        return
    rule.threshold, rule.is_enabled, rule.updated_by = setting.threshold, setting.is_enabled, by.name
    rule.save()
    if not rule.is_enabled:
        resolve_alerts(kind=AlertKind(rule.kind))
    keep(CHANGED, rule, changes_between(_texts(before), _texts(setting)), by=by)


def _texts(setting: RuleSetting) -> dict[str, str]:
    return {"threshold": f"{setting.threshold:g}", "is_enabled": str(setting.is_enabled)}
