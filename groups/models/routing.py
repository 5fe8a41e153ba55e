"""Named groups of deployments with a strategy."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from engine.spec import Strategy as EngineStrategy
from groups.deployments.capacities import check_capacity
from groups.models.versioned import Versioned
from providers.adaptations.allowed_extras import check_extra_body, check_extra_headers
from providers.models import LanguageModel

# Requests at once at a deployment, and how long one more waits for its place, in seconds.
MOST_PARALLEL, LONGEST_WAIT_S, REGION_LENGTH = 100_000, 300, 64
NAME_CHARACTERS, NAME_LENGTH = "A-Za-z0-9_.:/-", 128
GROUP_NAME = RegexValidator(rf"^[{NAME_CHARACTERS}]+\Z", "Use letters, digits and - _ . : / only.")


class Strategy(models.TextChoices):
    """The seven ways to pick a deployment, as people read them."""

    PRIORITY_FAILOVER = EngineStrategy.PRIORITY_FAILOVER.value, "Ordered Fallback"
    WEIGHTED = EngineStrategy.WEIGHTED.value, "Weighted Round-Robin"
    COST_BASED = EngineStrategy.COST_BASED.value, "Cost-Based"
    LATENCY_BASED = EngineStrategy.LATENCY_BASED.value, "Latency-Based"
    LEAST_BUSY = EngineStrategy.LEAST_BUSY.value, "Least Busy"
    USAGE_BASED = EngineStrategy.USAGE_BASED.value, "Usage-Based"
    SIMPLE_SHUFFLE = EngineStrategy.SIMPLE_SHUFFLE.value, "Round Robin"


class RoutingGroupQuerySet(models.QuerySet["RoutingGroup"]):
    def routable(self) -> RoutingGroupQuerySet:
        """Groups that take traffic."""
        return self.filter(is_active=True)

    def in_power_levels(self) -> RoutingGroupQuerySet:
        """Groups that `auto` and the power levels may choose."""
        return self.filter(settings__in_power_levels=True)

    def with_deployments(self) -> RoutingGroupQuerySet:
        """Groups with deployments, models, providers: two queries whatever the number of rows."""
        deployments = Deployment.objects.select_related("model__provider")
        return self.prefetch_related(models.Prefetch("deployments", queryset=deployments))

    def with_credentials(self) -> RoutingGroupQuerySet:
        """As `with_deployments`, with the providers' encrypted keys: what the engine needs."""
        deployments = Deployment.objects.select_related("model__provider__key")
        return self.prefetch_related(models.Prefetch("deployments", queryset=deployments))

    def matching(
        self, *, q: str = "", strategy: str | None = None, is_active: bool | None = None
    ) -> RoutingGroupQuerySet:
        """Groups whose name or description contains `q`, of this strategy, active or not."""
        rows = self.filter(models.Q(name__icontains=q) | models.Q(description__icontains=q)) if q else self
        rows = rows if strategy is None else rows.filter(strategy=strategy)
        return rows if is_active is None else rows.filter(is_active=is_active)


class RoutingGroup(Versioned):
    """A named routing pipeline; its name is what clients send as `model`."""

    name = models.CharField(
        max_length=NAME_LENGTH,
        unique=True,
        validators=[GROUP_NAME],
        error_messages={"unique": "A routing group of this name exists; choose another name."},
    )
    description = models.TextField(blank=True, default="", max_length=4000)
    strategy = models.CharField(max_length=32, choices=Strategy.choices)
    fallback_config = models.JSONField(default=dict, blank=True)
    retry_config = models.JSONField(default=dict, blank=True)
    cooldown_config = models.JSONField(default=dict, blank=True)
    settings = models.JSONField(default=dict, blank=True)
    assigned_team_ids = models.JSONField(default=list, blank=True)
    assigned_key_ids = models.JSONField(default=list, blank=True)
    is_active = models.BooleanField(default=True)

    objects = RoutingGroupQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "routing group"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(strategy__in=Strategy.values), name="routing_group_strategy_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Deployment(models.Model):
    """A model of the catalog inside a group, with its priority or weight."""

    group = models.ForeignKey(RoutingGroup, on_delete=models.CASCADE, related_name="deployments")
    model = models.ForeignKey(LanguageModel, on_delete=models.PROTECT, related_name="deployments")
    position = models.PositiveSmallIntegerField(default=0)
    priority = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    weight = models.PositiveIntegerField(null=True, blank=True, validators=[MaxValueValidator(1_000_000)])
    display_name = models.CharField(max_length=128, blank=True, default="")
    rpm = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    tpm = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    max_parallel = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(MOST_PARALLEL)]
    )
    max_wait_s = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(LONGEST_WAIT_S)]
    )

    extra_headers = models.JSONField(default=dict, blank=True, validators=[check_extra_headers])
    extra_body = models.JSONField(default=dict, blank=True, validators=[check_extra_body])
    capacity = models.JSONField(default=dict, blank=True, validators=[check_capacity])
    region = models.CharField(max_length=REGION_LENGTH, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["position", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group", "model"], name="deployment_model_once_per_group"),
            models.CheckConstraint(
                condition=models.Q(priority__isnull=True) | models.Q(priority__gte=1),
                name="deployment_priority_from_1",
            ),
            models.CheckConstraint(
                condition=models.Q(weight__isnull=True) | models.Q(weight__gte=0), name="deployment_weight_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The displayed name: the one given here, else the model's, else the provider's name for it."""
        return self.display_name or self.model.display_name or self.model.name


class UndoableChange(models.Model):
    """A recent switch or deletion of one person, kept for undo; see `versions/undo.py`."""

    class Kind(models.TextChoices):
        SWITCHED = "switched"
        DELETED = "deleted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    by = models.CharField(max_length=150)
    names = models.JSONField()
    kept = models.JSONField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.kind} by {self.by}: {', '.join(self.names)}"
