"""The alert rules and their thresholds: the stored ones, else the defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError

from lib.typography import THIN
from usage.alerting.group_rule import RuleClause, rule_of, with_percent
from usage.health.standby_rules import DEAD_AFTER
from usage.models import AlertKind, AlertRule


@dataclass(frozen=True, slots=True)
class AlertMetric:
    """One kind of alert: its default threshold and bounds, its `unit`, and its condition in words."""

    usual: float
    lowest: float
    highest: float
    unit: str
    meaning: str
    is_whole: bool = False

    @property
    def bounds(self) -> str:
        """The allowed values, for people."""
        return f"a {'whole ' if self.is_whole else ''}number from {self.lowest:g} to {self.highest:g}"


def _group_rule() -> tuple[RuleClause, ...]:
    try:
        return rule_of(settings.GROUP_FAILING_RULE)
    except ValueError as error:
        raise ImproperlyConfigured(f"GROUP_FAILING_RULE: {error}") from None


GROUP_RULE = _group_rule()
FEW = GROUP_RULE[1]

WATCHED: dict[AlertKind, AlertMetric] = {
    AlertKind.PROVIDER_DOWN: AlertMetric(
        *(3, 1, 100, "failed probes"), "This many probes of a provider failed in a row.", is_whole=True
    ),
    AlertKind.COST_SPIKE: AlertMetric(
        *(2, 1.1, 100, "times the average"),
        "Today costs more than this many times an average day of the last seven, and more than a dollar.",
    ),
    AlertKind.ERROR_RATE: AlertMetric(
        *(5, 0.5, 99, "% of attempts"),
        "More than this share of a provider's attempts failed in the last ten minutes, of twenty or more.",
    ),
    AlertKind.RATE_LIMIT: AlertMetric(
        *(80, 1, 99, "% of the limit"), "An API key used more than this share of its requests or tokens a minute."
    ),
    AlertKind.GROUP_FAILING: AlertMetric(
        *(GROUP_RULE[0].percent, 0.1, 100, "% of requests"),
        f"A group failed at least this share of at least {GROUP_RULE[0].least} requests in {GROUP_RULE[0].within}, or "
        f"{FEW.percent:g}{THIN}% of at least {FEW.least} in {FEW.within}.",
    ),
    AlertKind.SECRETS_DIFFER: AlertMetric(
        *(1, 1, 1000, "server processes"),
        "So many server processes have other secrets than the rest, or ENCRYPTION_KEYS that don't read stored keys.",
        is_whole=True,
    ),
    AlertKind.STANDBY_DEAD: AlertMetric(
        *(DEAD_AFTER, 1, 100, "failed test requests"),
        "This many test requests to a deployment without traffic failed in a row; twice as many if our own time limit "
        "ended all of them.",
        is_whole=True,
    ),
}


def current_rules() -> dict[AlertKind, AlertRule]:
    """The rule of each kind; one query. Unchanged rules are not stored."""
    stored = {AlertKind(rule.kind): rule for rule in AlertRule.objects.all()}
    return {kind: stored.get(kind) or AlertRule(kind=kind, threshold=WATCHED[kind].usual) for kind in WATCHED}


def group_rule(percent: float) -> tuple[RuleClause, ...]:
    """The rule for failing groups: the clauses in the settings, the first with the threshold that admins set."""
    return with_percent(GROUP_RULE, percent)


def checked_threshold(kind: AlertKind, threshold: float) -> float:
    """The threshold, if it is valid; raises ValidationError with the allowed values."""
    watched = WATCHED[kind]
    is_fine = math.isfinite(threshold) and watched.lowest <= threshold <= watched.highest
    if not is_fine or (watched.is_whole and threshold != int(threshold)):
        raise ValidationError(f"Give {watched.bounds}.")
    return threshold
