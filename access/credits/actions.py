"""Actions of admins on credits. A new account or limit bumps the configuration's version, a movement does not."""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict, Unpack

import structlog
from django.core.exceptions import ValidationError
from django.db.transaction import atomic
from django.utils import timezone

from access import history
from access.credits.money import MOST_NANOUSD, dollars, nanousd_of, usd_of
from access.credits.rules import Holder, check_can_manage
from access.credits.statements import account_of, owner_fields
from access.models import Account, Actor, Movement, MovementKind
from providers import config_version

log = structlog.get_logger(__name__)


class AccountLimits(TypedDict, total=False):
    """The limits of an account: see `Account`. None means no cap."""

    is_prepaid: bool
    floor_usd: Decimal
    monthly_cap_usd: Decimal | None


@atomic
def top_up(*, by: Actor, holder: Holder, usd: Decimal, reason: str = "") -> Movement:
    """Adds credits; opens a prepaid account where there is none."""
    check_can_manage(by)
    amount = _nanousd("usd", usd)
    if amount <= 0:
        raise ValidationError({"usd": "A top-up adds more than 0. Take credits away with a correction."})
    account = account_of(holder) or _opened(by, holder, is_prepaid=True)
    return _moved(by, account, MovementKind.TOP_UP, amount, reason)


@atomic
def correct(*, by: Actor, holder: Holder, usd: Decimal, reason: str) -> Movement:
    """Adds or subtracts credits, with a reason; never touches what running requests hold, and never goes below a
    prepaid account's floor."""
    check_can_manage(by)
    amount = _nanousd("usd", usd)
    if amount == 0:
        raise ValidationError({"usd": "A correction adds or subtracts; give an amount other than 0."})
    if not reason.strip():
        raise ValidationError({"reason": "Say why; the ledger keeps it."})
    account = account_of(holder) or _opened(by, holder, is_prepaid=True)
    return _moved(by, account, MovementKind.CORRECTION, amount, reason)


@atomic
def set_limits(*, by: Actor, holder: Holder, **limits: Unpack[AccountLimits]) -> Account:
    """Changes only the given limits; opens an account where there is none, not prepaid by default."""
    config_version.bump()
    check_can_manage(by)
    account = account_of(holder) or _opened(by, holder, is_prepaid=False)
    account = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    before = _limits_of(account)
    _apply(account, limits)
    account.save(update_fields=["is_prepaid", "floor_nanousd", "monthly_cap_nanousd"])
    after = _limits_of(account)
    if changes := {name: (before[name], after[name]) for name in after if before[name] != after[name]}:
        history.record(history.CHANGED, account, by=by, more=changes)
        log.info("limits of an account changed", account=account.pk, by=by.name, **after)
    return account


@atomic
def open_account(*, by: Actor, holder: Holder, usd: Decimal | None, monthly_cap_usd: Decimal | None) -> Account:
    """A first top-up, a first cap, or both."""
    if account_of(holder):
        raise ValidationError({"name": "There is an account of this name already. Find it in the list."})
    if usd is not None:
        top_up(by=by, holder=holder, usd=usd)
    cap: AccountLimits = {} if monthly_cap_usd is None else {"monthly_cap_usd": monthly_cap_usd}
    return set_limits(by=by, holder=holder, **cap)


def _opened(by: Actor, holder: Holder, *, is_prepaid: bool) -> Account:
    """A new account; when two processes open it at once, the second gets the first one's."""
    config_version.bump()
    account, is_new = Account.objects.get_or_create(**owner_fields(holder), defaults={"is_prepaid": is_prepaid})
    if is_new:
        opened = {name: ("", value) for name, value in _limits_of(account).items()}
        history.record(history.CREATED, account, by=by, more=opened)
        log.info("account opened", account=account.pk, holder=account.holder_name, by=by.name)
    return account


def _moved(by: Actor, account: Account, kind: MovementKind, amount: int, reason: str) -> Movement:
    account = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if amount < 0 and account.is_prepaid and account.available_nanousd + amount < 0:
        raise ValidationError({"usd": _too_much(account)})
    account.balance_nanousd += amount
    account.save(update_fields=["balance_nanousd"])
    movement = Movement(
        account=account,
        kind=kind,
        amount_nanousd=amount,
        balance_after_nanousd=account.balance_nanousd,
        reason=reason.strip(),
        by=by.name,
        at=timezone.now(),
    )
    movement.full_clean(exclude=["account"])
    movement.save()
    said = {kind.value: ("", dollars(usd_of(amount))), "reason": ("", movement.reason)}
    history.record(history.CHANGED, account, by=by, more=said)
    log.info("credits moved", account=account.pk, kind=kind.value, usd=str(usd_of(amount)), by=by.name)
    return movement


def _too_much(account: Account) -> str:
    left = dollars(usd_of(max(account.available_nanousd, 0)))
    balance, held = dollars(usd_of(account.balance_nanousd)), dollars(usd_of(account.held_nanousd))
    floor = dollars(usd_of(account.floor_nanousd))
    return f"At most {left} can be taken: of {balance}, running requests hold {held}, and the floor is {floor}."


def _apply(account: Account, limits: AccountLimits) -> None:
    if "is_prepaid" in limits:
        account.is_prepaid = limits["is_prepaid"]
    if "floor_usd" in limits:
        account.floor_nanousd = _nanousd("floor_usd", limits["floor_usd"])
    if "monthly_cap_usd" in limits:
        cap = limits["monthly_cap_usd"]
        if cap is not None and cap < 0:
            raise ValidationError({"monthly_cap_usd": "A cap is 0 or more; leave it out for no cap."})
        account.monthly_cap_nanousd = None if cap is None else _nanousd("monthly_cap_usd", cap)


def _nanousd(field: str, usd: Decimal) -> int:
    """Dollars as they are stored; raises ValidationError for `field`."""
    try:
        amount = nanousd_of(usd)
    except ValueError as error:
        raise ValidationError({field: str(error)})
    if abs(amount) > MOST_NANOUSD:
        raise ValidationError({field: f"Give at most {dollars(usd_of(MOST_NANOUSD))} at once."})
    return amount


def _limits_of(account: Account) -> dict[str, str]:
    cap = account.monthly_cap_nanousd
    return {
        "is_prepaid": "yes" if account.is_prepaid else "no",
        "floor": dollars(usd_of(account.floor_nanousd)),
        "monthly_cap": "none" if cap is None else dollars(usd_of(cap)),
    }
