"""When alerts are raised and when they are over: thresholds that admins set, measures by SQL, pure verdicts."""

from __future__ import annotations

from usage.alert_rules.actions import Setting, change_rules
from usage.alert_rules.thresholds import WATCHED, Watched, checked_threshold, current_rules
from usage.alert_rules.watching import settle

__all__ = ["WATCHED", "Setting", "Watched", "change_rules", "checked_threshold", "current_rules", "settle"]
