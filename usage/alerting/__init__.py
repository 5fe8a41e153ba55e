"""Raises and resolves alerts: thresholds that admins set, measures by SQL, pure verdicts."""

from __future__ import annotations

from usage.alerting.actions import RuleSetting, change_rules
from usage.alerting.evaluation import settle
from usage.alerting.thresholds import WATCHED, AlertMetric, checked_threshold, current_rules

__all__ = ["WATCHED", "AlertMetric", "RuleSetting", "change_rules", "checked_threshold", "current_rules", "settle"]
