"""The forms of credits, for admins."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from access.credits.money import DECIMALS, usd_of
from access.credits.rules import Holder
from access.models import Account, MovementKind, Team, User
from pages.forms import ActionForm, UsdField, attributes

BY_PEOPLE = [(kind.value, kind.label) for kind in (MovementKind.TOP_UP, MovementKind.CORRECTION)]


class AmountField(UsdField):
    """US dollars with the decimals of the ledger."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_digits": 18, "decimal_places": DECIMALS, **options})


class _CreditForm(ActionForm):
    """A form about amounts."""

    places = {"usd": "amount", "floor_usd": "floor", "monthly_cap_usd": "monthly_cap"}


class MoveForm(_CreditForm):
    """A top-up or a correction."""

    kind = forms.ChoiceField(label="Kind", choices=BY_PEOPLE, initial=MovementKind.TOP_UP, widget=forms.RadioSelect)
    amount = AmountField(label="Amount, $", help_text="A correction may be negative, such as -2.50.")
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=256,
        widget=forms.TextInput(attributes(placeholder="Invoice 4711")),
        help_text="The ledger keeps it; a correction needs one.",
    )


class CreditLimitsForm(_CreditForm):
    """The limits of an account."""

    is_prepaid = forms.BooleanField(
        label="Prepaid: requests are refused when the credits are used up", required=False, initial=True
    )
    floor = AmountField(
        label="Floor, $", required=False, help_text="Below it nothing is spent; negative: a credit line."
    )
    monthly_cap = AmountField(label="Monthly cap, $", required=False, min_value=0, help_text="Empty: no cap.")

    @classmethod
    def of(cls, account: Account) -> CreditLimitsForm:
        """A form with the current limits."""
        cap = account.monthly_cap_nanousd
        initial = {"is_prepaid": account.is_prepaid, "floor": usd_of(account.floor_nanousd)}
        return cls(initial={**initial, "monthly_cap": None if cap is None else usd_of(cap)})

    def limits(self) -> dict[str, Any]:
        """The valid fields, as arguments of the actions."""
        said = self.cleaned_data
        return {
            "is_prepaid": said["is_prepaid"],
            "floor_usd": said["floor"] or Decimal(0),
            "monthly_cap_usd": said["monthly_cap"],
        }


class NewAccountForm(_CreditForm):
    """A first top-up, a first cap, or both, for a person or a team."""

    type = forms.ChoiceField(
        label="For", choices=[("user", "A person"), ("team", "A team")], initial="user", widget=forms.RadioSelect
    )
    name = forms.CharField(
        label="Name",
        max_length=150,
        widget=forms.TextInput(attributes(list="holders", autocapitalize="none")),
        error_messages={"required": "Name the person or the team that the account is for."},
    )
    amount = AmountField(label="Credits, $", required=False, help_text="Paid in advance. Empty: a cap only.")
    monthly_cap = AmountField(label="Monthly cap, $", required=False, min_value=0, help_text="Empty: no cap.")

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if "name" in said and "type" in said:
            said["holder"] = self._holder(said["type"], said["name"])
        if said.get("amount", 0) is None and said.get("monthly_cap", 0) is None:
            raise ValidationError("Give credits, a monthly cap, or both.")
        return said

    def account(self) -> dict[str, Any]:
        """The valid fields, as arguments of the action."""
        said = self.cleaned_data
        return {"holder": said["holder"], "usd": said["amount"], "monthly_cap_usd": said["monthly_cap"]}

    def _holder(self, type: str, name: str) -> Holder | None:
        rows = Team.objects.filter(name__iexact=name) if type == "team" else User.objects.filter(username=name)
        holder: Holder | None = rows.first()
        if holder is None:
            self.add_error("name", f"There is no {'team' if type == 'team' else 'person'} called '{name}'.")
        return holder
