"""Raises and resolves alerts: thresholds that admins set, measures by SQL, pure verdicts."""

from __future__ import annotations

from usage.alerting.actions import RuleSetting, acknowledge, change_rules, withdraw_acknowledgement
from usage.alerting.evaluation import settle
from usage.alerting.thresholds import WATCHED, AlertMetric, checked_threshold, current_rules

__all__ = [
    "WATCHED",
    "AlertMetric",
    "RuleSetting",
    "acknowledge",
    "change_rules",
    "checked_threshold",
    "current_rules",
    "settle",
    "withdraw_acknowledgement",
]
