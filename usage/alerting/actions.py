"""The actions of people: they change the thresholds, and acknowledge alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db.transaction import atomic
from django.utils import timezone

from access.models import Actor, Role
from access.rules import check_role
from lib.audit import CHANGED, changes_between, keep
from lib.exceptions import Conflict
from providers import config_version
from usage.alerting.alerts import resolve_alerts
from usage.alerting.thresholds import checked_threshold, current_rules
from usage.models import Alert, AlertKind, AlertRule


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


@atomic
def acknowledge(*, by: Actor, alert_id: int) -> Alert:
    """Says that somebody takes care of an open alert; the first who did stays.

    Raises Alert.DoesNotExist, and Conflict if it is resolved.
    """
    check_role(by, Role.OPERATOR, to="acknowledge alerts")
    alert = _open_alert(alert_id)
    if alert.acknowledged_at is None:
        _set_acknowledged(alert, at=timezone.now(), name=by.name, by=by)
    return alert


@atomic
def withdraw_acknowledgement(*, by: Actor, alert_id: int) -> Alert:
    """Says that nobody takes care of it after all; raises as `acknowledge`."""
    check_role(by, Role.OPERATOR, to="acknowledge alerts")
    alert = _open_alert(alert_id)
    if alert.acknowledged_at is not None:
        _set_acknowledged(alert, at=None, name="", by=by)
    return alert


def _open_alert(alert_id: int) -> Alert:
    alert = Alert.objects.select_for_update().get(pk=alert_id)
    if alert.resolved_at is not None:
        raise Conflict("This alert is resolved; only open ones are acknowledged.")
    return alert


def _set_acknowledged(alert: Alert, *, at: datetime | None, name: str, by: Actor) -> None:
    before = alert.acknowledged_by
    alert.acknowledged_at, alert.acknowledged_by = at, name[:150]
    alert.save(update_fields=["acknowledged_at", "acknowledged_by"])
    keep(CHANGED, alert, {"acknowledged_by": (before, alert.acknowledged_by)}, by=by)
