"""Credits as the API spells them: US dollars as JSON numbers, exact to nine decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from access.credits.money import DECIMALS, usd_of
from access.models import MovementKind, Team, User
from lib.serializers import Page, PageQuery, StrictSerializer

WHOSE = "Give either user or team: whose credits they are."
BY_PEOPLE = [(kind.value, kind.label) for kind in (MovementKind.TOP_UP, MovementKind.CORRECTION)]


class UsdField(serializers.DecimalField):
    """US dollars."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_digits": 18, "decimal_places": DECIMALS, **options})


class StoredUsdField(UsdField):
    """Nano-dollars of a row, given as US dollars."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=None, read_only=True, **options)

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(usd_of(value) if isinstance(value, int) else value)


class WhoseQuery(serializers.Serializer):
    """`user` (id or username) or `team` (id or name): the owner of the credits; the caller without either."""

    user = serializers.CharField(max_length=150, allow_blank=True, default="")
    team = serializers.CharField(max_length=64, allow_blank=True, default="")

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data["user"] and data["team"]:
            raise serializers.ValidationError({"user": [WHOSE]})
        return data


class LedgerQuery(WhoseQuery, PageQuery):
    """The owner of the ledger; `q` matches reasons, or the call_id of a request."""


class OwnerSerializer(serializers.Serializer):
    """The owner of the credits: `type` is `user` or `team`."""

    type = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()


class CreditsSerializer(serializers.Serializer):
    """The credits of a person or team. Amounts are US dollars; all are null without an account.

    `available_usd` is the maximum cost of a new request, null where nothing limits it (`is_limited` false). `held_usd`
    is what running requests hold back until they are settled. A prepaid account takes no request that would bring it
    below `floor_usd`. The cap counts what is spent and held in a calendar month, UTC, until `resets_at`.
    """

    account = OwnerSerializer(source="owner", allow_null=True)
    is_limited = serializers.BooleanField()
    is_prepaid = serializers.BooleanField()
    balance_usd = UsdField(max_digits=None, allow_null=True)
    held_usd = UsdField(max_digits=None, allow_null=True)
    available_usd = UsdField(max_digits=None, allow_null=True)
    floor_usd = UsdField(max_digits=None, allow_null=True)
    monthly_cap_usd = UsdField(max_digits=None, allow_null=True)
    spent_this_month_usd = UsdField(max_digits=None, allow_null=True)
    resets_at = serializers.DateTimeField(allow_null=True)


class MovementSerializer(serializers.Serializer):
    """One line of a ledger. Charges are negative; `call_id` names the request they are for."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=MovementKind.choices)
    amount_usd = StoredUsdField(source="amount_nanousd")
    balance_after_usd = StoredUsdField(source="balance_after_nanousd")
    reason = serializers.CharField()
    call_id = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField()


class MovementPage(Page):
    """One page of a ledger, the newest line first."""

    movements = MovementSerializer(many=True)


class MovementMade(serializers.Serializer):
    """The answer to a movement."""

    success = serializers.BooleanField(default=True)
    movement = MovementSerializer()
    credits = CreditsSerializer()


class _WhoseSerializer(StrictSerializer):
    """A change for a person or a team; the validated data has them as `holder`."""

    user = serializers.CharField(max_length=150, required=False, help_text="Id or username.")
    team = serializers.CharField(max_length=64, required=False, help_text="Id or name.")

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        user, team = data.pop("user", None), data.pop("team", None)
        if (user is None) == (team is None):
            raise serializers.ValidationError({"user": [WHOSE]})
        holder = User.objects.called(user) if user is not None else Team.objects.called(team).first()
        if holder is None:
            field = "team" if user is None else "user"
            raise serializers.ValidationError({field: [f"There is no {field} '{team or user}'."]})
        return {**data, "holder": holder}


class NewMovement(_WhoseSerializer):
    """Money moved by an admin: a top-up adds, a correction adds or subtracts, with a reason."""

    kind = serializers.ChoiceField(choices=BY_PEOPLE, default=MovementKind.TOP_UP.value)
    amount_usd = UsdField()
    reason = serializers.CharField(max_length=256, allow_blank=True, default="")


class LimitsSerializer(_WhoseSerializer):
    """The limits of an account.

    PATCH changes the given fields; PUT resets the others. `monthly_cap_usd` null means no cap. A negative `floor_usd`
    is a credit line.
    """

    is_prepaid = serializers.BooleanField()
    floor_usd = UsdField(default=Decimal(0))
    monthly_cap_usd = UsdField(allow_null=True, default=None)
