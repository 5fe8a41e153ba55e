"""Evaluates all alert rules: raises alerts above their thresholds, and resolves those that are below again.

Several processes may do so at the same time: the database allows one alert per subject, and an evaluation resolves only
alerts that were open before it began.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable

from django.utils import timezone

from usage.alerting import measures, verdicts
from usage.alerting.alerts import raise_alert, resolve_alerts
from usage.alerting.group_rule import failing_groups
from usage.alerting.thresholds import current_rules, group_rule
from usage.alerting.verdicts import Breach
from usage.health.causes import cause_of
from usage.health.dead_standbys import dead_standbys
from usage.health.processes import processes_now
from usage.models import Alert, AlertKind, AlertRule

Find = Callable[[float, Collection[str]], list[Breach]]


def _failing_groups(threshold: float, open: Collection[str]) -> list[Breach]:
    """The groups that fail their callers, by the one rule."""
    rule = group_rule(threshold)
    groups = failing_groups(measures.group_answers(rule), rule, open=open)
    return verdicts.group_failing(groups, cause_of)


FINDERS: dict[AlertKind, Find] = {
    AlertKind.PROVIDER_DOWN: lambda threshold, open: verdicts.provider_down(measures.failing(in_a_row=int(threshold))),
    AlertKind.COST_SPIKE: lambda threshold, open: verdicts.cost_spike(measures.day_costs(), threshold),
    AlertKind.ERROR_RATE: lambda threshold, open: verdicts.error_rate(measures.recent_tries(), threshold, open=open),
    AlertKind.RATE_LIMIT: lambda threshold, open: verdicts.rate_limit(measures.key_minutes(), threshold, open=open),
    AlertKind.GROUP_FAILING: _failing_groups,
    AlertKind.SECRETS_DIFFER: lambda threshold, open: verdicts.secrets_differ(processes_now(), threshold),
    AlertKind.STANDBY_DEAD: lambda threshold, open: verdicts.standby_dead(dead_standbys(threshold), open=open),
}


def settle(kinds: Iterable[AlertKind] = tuple(AlertKind)) -> None:
    """Updates the alerts of these kinds; eleven queries if nothing is raised or resolved."""
    rules, began = current_rules(), timezone.now()
    before: dict[str, set[str]] = defaultdict(set)
    for kind, subject in Alert.objects.open().order_by().values_list("kind", "subject"):
        before[kind].add(subject)
    for kind in kinds:
        found = _found(rules[kind], before[kind])
        for finding in found:
            raise_alert(kind=kind, subject=finding.subject, message=finding.message)
        still = {finding.subject for finding in found}
        if before[kind] - still:
            resolve_alerts(kind=kind, except_subjects=still, raised_before=began)


def _found(rule: AlertRule, open: Collection[str]) -> list[Breach]:
    return FINDERS[AlertKind(rule.kind)](rule.threshold, open) if rule.is_enabled else []
