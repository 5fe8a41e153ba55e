"""Change the thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.transaction import atomic

from access.models import Actor, Role
from access.rules import check_role
from providers import config_version
from usage.alert_rules.thresholds import checked_threshold, current_rules
from usage.alerts import resolve_alerts
from usage.models import AlertKind, AlertRule


@dataclass(frozen=True, slots=True)
class Setting:
    """What people set of one rule."""

    threshold: float
    is_enabled: bool = True


@atomic
def change_rules(*, by: Actor, settings: Mapping[AlertKind, Setting]) -> dict[AlertKind, AlertRule]:
    """Sets these rules, all or none; a rule that is switched off resolves its alerts.

    Gives all rules. Raises ValidationError, by kind.
    """
    config_version.bump()
    check_role(by, Role.ADMIN, to="change when alerts are raised")
    _check(settings)
    rules = current_rules()
    for kind, setting in settings.items():
        _set(rules[kind], setting, by)
    return rules


def _check(settings: Mapping[AlertKind, Setting]) -> None:
    wrong = {}
    for kind, setting in settings.items():
        try:
            checked_threshold(kind, setting.threshold)
        except ValidationError as error:
            wrong[kind.value] = error.messages
    if wrong:
        raise ValidationError(wrong)


def _set(rule: AlertRule, setting: Setting, by: Actor) -> None:
    before = Setting(rule.threshold, rule.is_enabled)
    if before == setting:
        return
    rule.threshold, rule.is_enabled, rule.updated_by = setting.threshold, setting.is_enabled, by.name
    rule.save()
    if not rule.is_enabled:
        resolve_alerts(kind=AlertKind(rule.kind))
    _record(rule, before, setting, by)


def _record(rule: AlertRule, before: Setting, after: Setting, by: Actor) -> None:
    fields = {
        "threshold": (f"{before.threshold:g}", f"{after.threshold:g}"),
        "is_enabled": (str(before.is_enabled), str(after.is_enabled)),
    }
    LogEntry.objects.create(
        content_type=ContentType.objects.get_for_model(AlertRule),
        object_pk=str(rule.pk),
        object_repr=str(rule),
        action=LogEntry.Action.UPDATE,
        changes={name: list(pair) for name, pair in fields.items() if pair[0] != pair[1]},
        additional_data={"by": by.name},
    )
