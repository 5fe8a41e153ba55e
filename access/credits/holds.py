"""What the gateway does with an account: hold the highest cost of a request, then charge the real one.

Every change of an account happens under the lock of its row. A hold takes that lock with its first statement, an UPDATE
that succeeds only if there is enough money; no balance is read beforehand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db.models import Case, F, Q, When
from django.db.transaction import atomic
from django.utils import timezone

from access.credits.exceptions import CapReached, OutOfCredits
from access.credits.money import MOST_NANOUSD, dollars, month_end, month_of, usd_of
from access.models import Account, Hold, Movement, MovementKind
from engine.allowance.purse import Purse, Shortage, collected

log = structlog.get_logger(__name__)

BATCH = 500


@dataclass(frozen=True, slots=True)
class Settlement:
    """The cost of one request; 0 for a failure, an own key or a free model.

    `account_id` is needed where the hold may be gone because its process was silent for too long. `reason` is the
    ledger's text for the charge.
    """

    call_id: str
    cost_nanousd: int
    account_id: int | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.cost_nanousd < 0 or not self.call_id:
            raise ValueError("A settlement needs a call_id, and a cost of 0 or more.")


def hold(*, account_id: int, call_id: str, amount_nanousd: int) -> None:
    """Holds the highest cost of a request; raises OutOfCredits or CapReached, and then holds nothing.

    Deleted accounts (no account means no limit) and free requests hold nothing.
    """
    if amount_nanousd < 0:
        raise ValueError("A hold is an amount of 0 or more.")
    if amount_nanousd == 0:
        return
    amount, now = min(amount_nanousd, MOST_NANOUSD), timezone.now()
    with atomic():
        if _take(account_id, amount, now):
            Hold.objects.create(call_id=call_id, account_id=account_id, amount_nanousd=amount, at=now)
            return
    _refuse(account_id, amount, now)


def _take(account_id: int, amount: int, now: datetime) -> bool:
    """One UPDATE that increases the hold if there is enough money; a new month starts at nothing spent."""
    month, is_current = month_of(now), Q(month__gte=month_of(now))
    spent = Case(When(is_current, then=F("spent_nanousd")), default=0)
    has_credits = Q(is_prepaid=False) | Q(balance_nanousd__gte=F("held_nanousd") + F("floor_nanousd") + amount)
    is_within_cap = Q(monthly_cap_nanousd=None) | Q(monthly_cap_nanousd__gte=spent + F("held_nanousd") + amount)
    return bool(
        Account.objects.filter(has_credits, is_within_cap, pk=account_id).update(
            held_nanousd=F("held_nanousd") + amount,
            spent_nanousd=spent,
            month=Case(When(is_current, then=F("month")), default=month),
        )
    )


def _refuse(account_id: int, amount: int, now: datetime) -> None:
    account = Account.objects.select_related("user", "team").filter(pk=account_id).first()
    if account is None:
        return
    month, cap = month_of(now), account.monthly_cap_nanousd
    if cap is not None and purse_of(account, now).shortage(amount) is not Shortage.CREDITS:
        left = cap - account.spent_in(month) - account.held_nanousd
        raise CapReached(account.holder_name, cap_nanousd=cap, left_nanousd=left, ends_at=month_end(month), now=now)
    raise OutOfCredits(account.holder_name, needed_nanousd=amount, available_nanousd=account.available_nanousd)


def purse_of(account: Account, now: datetime) -> Purse:
    """An account as the engine's rules see it."""
    month = month_of(now)
    return Purse(
        holder=account.holder_name,
        is_prepaid=account.is_prepaid,
        balance=account.balance_nanousd,
        held=account.held_nanousd,
        floor=account.floor_nanousd,
        cap=account.monthly_cap_nanousd,
        spent=account.spent_in(month),
        month_ends_in_s=max((month_end(month) - now).total_seconds(), 1.0),
    )


def settle(*, call_id: str, cost_nanousd: int, account_id: int | None = None, by: str = "gateway") -> None:
    """Releases a request's hold and charges its cost, once."""
    settle_many([Settlement(call_id, cost_nanousd, account_id)], by=by)


def give_back(*, call_id: str) -> None:
    """Releases a request's hold; nothing is charged."""
    settle_many([Settlement(call_id, 0)])


@atomic
def settle_many(settlements: Iterable[Settlement], *, by: str = "gateway") -> None:
    """Settles a batch in one transaction. A request is charged once, however often it is settled.

    A charge never takes a prepaid account below its floor and never uses the holds of other requests: beyond its own
    hold it takes what is available, and the ledger notes the rest as not collected.
    """
    wanted = {settlement.call_id: settlement for settlement in settlements}
    accounts = _locked_accounts(wanted.values())
    holds = Hold.objects.in_bulk(list(wanted))
    charged = set(Movement.objects.filter(call_id__in=list(wanted)).values_list("call_id", flat=True))
    lines = []
    for call_id, settlement in wanted.items():
        held = holds.get(call_id)
        account = accounts.get(held.account_id if held else settlement.account_id)
        if account is None:
            _tell_of_lost(settlement, charged)
            continue
        reserved = held.amount_nanousd if held else 0
        account.held_nanousd -= reserved
        if settlement.cost_nanousd and call_id not in charged:
            lines.append(_charge(account, settlement, reserved=reserved, by=by))
    Movement.objects.bulk_create(lines)
    Hold.objects.filter(call_id__in=list(holds)).delete()
    Account.objects.bulk_update(
        accounts.values(), ["held_nanousd", "balance_nanousd", "spent_nanousd", "month"], batch_size=BATCH
    )


def _locked_accounts(settlements: Collection[Settlement]) -> dict[int | None, Account]:
    """The accounts of a batch, locked in the order of their ids, so that two batches can't wait for each other."""
    ids = set(Hold.objects.filter(call_id__in=[s.call_id for s in settlements]).values_list("account_id", flat=True))
    ids |= {s.account_id for s in settlements if s.account_id is not None}
    rows = Account.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return {account.pk: account for account in rows}


def _charge(account: Account, settlement: Settlement, *, reserved: int, by: str) -> Movement:
    """The ledger line of a charge, applied to the account in memory. `reserved` was its hold."""
    # Bounded, so that an absurd token count of an upstream does not block a batch.
    now, cost = timezone.now(), min(settlement.cost_nanousd, MOST_NANOUSD)
    paid = collected(cost, reserved, account.available_nanousd, is_prepaid=account.is_prepaid)
    account.spend(paid, month=month_of(now))
    reason = settlement.reason
    if paid < cost:
        uncollected = dollars(usd_of(cost - paid))
        reason = f"{reason} · {uncollected} of {dollars(usd_of(cost))} not collected: the account had no more."
    return Movement(
        account=account,
        kind=MovementKind.CHARGE,
        amount_nanousd=-paid,
        balance_after_nanousd=account.balance_nanousd,
        reason=reason.removeprefix(" · ")[-256:],
        call_id=settlement.call_id,
        by=by,
        at=now,
    )


def _tell_of_lost(settlement: Settlement, charged: Collection[str]) -> None:
    if settlement.cost_nanousd and settlement.call_id not in charged:
        log.warning("a request was not charged: its hold and account are gone", call_id=settlement.call_id)


def give_back_abandoned(*, older_than: timedelta) -> int:
    """Releases the holds of processes that died; returns how many. The age limit is longer than any request may run."""
    old = Hold.objects.filter(at__lt=timezone.now() - older_than).order_by("at")
    count = 0
    while calls := list(old.values_list("call_id", flat=True)[:BATCH]):
        _give_back_all(calls)
        count += len(calls)
    if count:
        log.warning("holds of requests that never ended are given back", count=count)
    return count


def _give_back_all(calls: Sequence[str]) -> None:
    settle_many([Settlement(call_id, 0) for call_id in calls])
