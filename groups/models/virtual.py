"""Virtual models: names that lead to a pool (a routing group) by the complexity of the message."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from groups.models.routing import GROUP_NAME, RoutingGroup
from groups.models.versioned import Versioned

# Far beyond any possible score.
MOST_POINTS = 1_000_000


class VirtualModelQuerySet(models.QuerySet["VirtualModel"]):
    def routable(self) -> VirtualModelQuerySet:
        """Virtual models that take traffic."""
        return self.filter(is_active=True)

    def with_tiers(self) -> VirtualModelQuerySet:
        """With tiers and their pools: one more query for any number of rows."""
        tiers = VirtualTier.objects.select_related("pool")
        return self.prefetch_related(models.Prefetch("tiers", queryset=tiers))

    def matching(self, *, q: str = "", is_active: bool | None = None) -> VirtualModelQuerySet:
        """Virtual models whose name or description contains `q`, active or not."""
        rows = self.filter(models.Q(name__icontains=q) | models.Q(description__icontains=q)) if q else self
        return rows if is_active is None else rows.filter(is_active=is_active)


class VirtualModel(Versioned):
    """A name that clients send as `model`; the complexity of the message chooses the pool.

    `scoring` holds the numbers and keywords that differ from the defaults (see `virtual/scoring.py`). `default_tier`
    names the tier that answers without a score, or when the pool of another tier is out of service.
    """

    name = models.CharField(
        max_length=128,
        unique=True,
        validators=[GROUP_NAME],
        error_messages={"unique": "A virtual model of this name exists; choose another name."},
    )
    description = models.TextField(blank=True, default="", max_length=4000)
    scoring = models.JSONField(default=dict, blank=True)
    default_tier = models.CharField(max_length=32)
    is_active = models.BooleanField(default=True)

    objects = VirtualModelQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "virtual model"

    def __str__(self) -> str:
        return self.name


class VirtualTier(models.Model):
    """From this score on, this pool answers. The lowest tier has no minimum, or also takes the scores below it."""

    virtual_model = models.ForeignKey(VirtualModel, on_delete=models.CASCADE, related_name="tiers")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=32, validators=[GROUP_NAME])
    minimum_score = models.IntegerField(
        null=True, blank=True, validators=[MinValueValidator(-MOST_POINTS), MaxValueValidator(MOST_POINTS)]
    )
    pool = models.ForeignKey(RoutingGroup, on_delete=models.PROTECT, related_name="virtual_tiers")

    class Meta:
        ordering: ClassVar = ["position", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["virtual_model", "name"], name="virtual_tier_name_once"),
            models.UniqueConstraint(fields=["virtual_model", "position"], name="virtual_tier_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} → {self.pool}"
