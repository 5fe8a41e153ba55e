"""The routing rules of the whole console: one row."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from groups.routing_rules.power_levels import BALANCED, LevelStrategy, Weights, weights_of

ROW = 1


def usual_weights() -> dict[str, float]:
    """The weights of the strategy `balanced`."""
    return {"cost": BALANCED.cost, "latency": BALANCED.latency, "quality": BALANCED.quality}


class RoutingRulesQuerySet(models.QuerySet["RoutingRules"]):
    def current(self) -> RoutingRules:
        """The current rules: the stored ones, else the defaults."""
        return self.filter(pk=ROW).first() or RoutingRules(pk=ROW)


class RoutingRules(models.Model):
    """How a model is chosen for clients that name no routing group.

    `fallback_providers` are ids, names or types of providers, in order; `model_aliases` map names to a group, a virtual
    model, a power level or `provider/model`.
    """

    strategy = models.CharField(
        max_length=16, choices=[(s.value, s.name.title()) for s in LevelStrategy], default=LevelStrategy.BALANCED.value
    )
    weights = models.JSONField(default=usual_weights)
    fallback_providers = models.JSONField(default=list, blank=True)
    model_aliases = models.JSONField(default=dict, blank=True)
    revision = models.PositiveIntegerField(default=0, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=150, blank=True, default="", editable=False)

    objects = RoutingRulesQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "routing rules"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(strategy__in=[s.value for s in LevelStrategy]),
                name="routing_rules_strategy_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"routing rules, revision {self.revision}"

    @property
    def etag(self) -> str:
        """The version tag of `GET` and `PUT`; changes with every save."""
        return f'"rules-{self.revision}"'

    @property
    def level_weights(self) -> Weights:
        """The weights for plain `auto`."""
        return weights_of(LevelStrategy(self.strategy), Weights(**self.weights))
