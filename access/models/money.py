"""Credits: accounts of people and teams, every movement of money, and what running requests hold back.

Money is whole nano-dollars (1e-9 US dollars, `_nanousd`): exact in every database.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from django.db import models
from django.db.models import Q

from access.models.people import Team, User

NANO = 1_000_000_000


class Account(models.Model):
    """The credits of one person or one team; without an account there is no limit.

    `balance_nanousd` is the sum of the account's movements, `held_nanousd` that of its holds. A prepaid account refuses
    a request that would bring balance - held below `floor_nanousd`. A monthly cap limits what is spent and held in a
    calendar month, UTC: `spent_nanousd` counts from the first day of `month`.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, null=True, blank=True, related_name="account")
    team = models.OneToOneField(Team, on_delete=models.CASCADE, null=True, blank=True, related_name="account")
    is_prepaid = models.BooleanField(default=True)
    balance_nanousd = models.BigIntegerField(default=0, editable=False)
    held_nanousd = models.BigIntegerField(default=0, editable=False)
    floor_nanousd = models.BigIntegerField(default=0)
    monthly_cap_nanousd = models.BigIntegerField(null=True, blank=True)
    month = models.DateField(null=True, editable=False)
    spent_nanousd = models.BigIntegerField(default=0, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(user__isnull=True, team__isnull=False) | Q(user__isnull=False, team__isnull=True),
                name="account_of_a_person_or_a_team",
            ),
            models.CheckConstraint(condition=Q(held_nanousd__gte=0), name="account_holds_are_not_negative"),
        ]

    def __str__(self) -> str:
        return f"account of {self.holder_name}"

    @property
    def holder_name(self) -> str:
        """The name of the account's owner."""
        return self.user.username if self.user else str(self.team)

    @property
    def available_nanousd(self) -> int:
        """The part of the balance that a new request can use."""
        return self.balance_nanousd - self.held_nanousd - self.floor_nanousd

    def spent_in(self, month: date) -> int:
        """Nano-dollars spent since the first day of `month`; 0 if that month has just begun."""
        return self.spent_nanousd if self.month is not None and self.month >= month else 0

    def spend(self, nanousd: int, *, month: date) -> None:
        """Takes an amount from the balance and counts it in its month; the caller locks and saves the row."""
        self.spent_nanousd = self.spent_in(month) + nanousd
        self.month = max(self.month or month, month)
        self.balance_nanousd -= nanousd


class MovementKind(models.TextChoices):
    """The reason of a movement."""

    TOP_UP = "top_up", "Top-up"
    CORRECTION = "correction"
    CHARGE = "charge"


class Movement(models.Model):
    """One line of an account's ledger; never changed, never deleted while the account lives."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="movements")
    kind = models.CharField(max_length=16, choices=MovementKind.choices)
    amount_nanousd = models.BigIntegerField()
    balance_after_nanousd = models.BigIntegerField()
    reason = models.CharField(max_length=256, blank=True, default="")
    call_id = models.CharField(max_length=64, blank=True, default="")
    by = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["account", "-id"], name="movements_of_account"),
            # Finds the last top-up among a million charges.
            models.Index(fields=["account", "-id"], condition=~Q(kind="charge"), name="movements_by_people"),
        ]
        constraints: ClassVar = [
            # A request is charged once, however often it is settled.
            models.UniqueConstraint(fields=["call_id"], condition=~Q(call_id=""), name="one_charge_per_request")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_nanousd}"


class Hold(models.Model):
    """What a running request holds back of an account until it is settled; given back when its process died."""

    call_id = models.CharField(max_length=64, primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="holds")
    amount_nanousd = models.BigIntegerField()
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.call_id}: {self.amount_nanousd}"
