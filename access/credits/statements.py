"""Accounts as people and programs read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from access.credits.money import month_end, month_of, usd_of
from access.credits.rules import Holder
from access.models import Account, Hold, Movement, Team, User


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of an account: `type` is `user` or `team`, `id` theirs."""

    type: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The credits of one person or team; all `_usd` are exact.

    `available_usd` is the maximum cost of a new request, None where nothing limits it. `left_percent` is the available
    share of the balance after the last top-up, `spent_percent` the spent and held share of the cap; 0 to 100, None
    without such a limit. Without an account all fields but the owner are None.
    """

    owner: Owner | None
    account_id: int | None = None
    is_prepaid: bool = False
    balance_usd: Decimal | None = None
    held_usd: Decimal | None = None
    available_usd: Decimal | None = None
    floor_usd: Decimal | None = None
    monthly_cap_usd: Decimal | None = None
    spent_this_month_usd: Decimal | None = None
    resets_at: datetime | None = None
    left_percent: int | None = None
    spent_percent: int | None = None

    @property
    def is_limited(self) -> bool:
        """Whether a request can be refused for its cost."""
        return self.is_prepaid or self.monthly_cap_usd is not None

    @property
    def state(self) -> str:
        """`empty`, `low` (under a fifth) or `fine`, by the nearer limit; `open` without a limit."""
        if not self.is_limited:
            return "open"
        if self.available_usd is not None and self.available_usd <= 0:
            return "empty"
        left = self.left_percent if self.left_percent is not None else 100
        return "low" if left < 20 or (self.spent_percent or 0) > 80 else "fine"


def owner_fields(holder: Holder) -> dict[str, Holder]:
    """The field of `Account` that points at this holder."""
    return {"team": holder} if isinstance(holder, Team) else {"user": holder}


def owner_of(holder: Holder) -> Owner:
    """A person or team as the owner of an account."""
    kind = "team" if isinstance(holder, Team) else "user"
    return Owner(kind, str(holder.pk), holder.username if isinstance(holder, User) else holder.name)


def account_of(holder: Holder) -> Account | None:
    """The account of a person or team, if there is one."""
    return Account.objects.filter(**owner_fields(holder)).first()


def with_last_top_up(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Accounts with their owners and `topped_up_to`, the balance after the last top-up."""
    added = Movement.objects.filter(account=OuterRef("pk"), amount_nanousd__gt=0).exclude(kind="charge")
    last = added.order_by("-id").values("balance_after_nanousd")[:1]
    return accounts.select_related("user", "team").annotate(topped_up_to=Subquery(last))


def summary_of(holder: Holder | None) -> Summary:
    """The credits of a person or team; one query. The master key has no credits."""
    if holder is None:
        return Summary(owner=None)
    account = with_last_top_up(Account.objects.filter(**owner_fields(holder))).first()
    return summary(account) if account else Summary(owner=owner_of(holder))


def summary(account: Any) -> Summary:
    """An account of `with_last_top_up` as people read it; no query."""
    now = timezone.now()
    month, cap = month_of(now), account.monthly_cap_nanousd
    spent, held = account.spent_in(month), account.held_nanousd
    bounds = [account.available_nanousd] if account.is_prepaid else []
    bounds += [] if cap is None else [cap - spent - held]
    topped_up_to = (account.topped_up_to or 0) - account.floor_nanousd
    return Summary(
        owner=owner_of(account.team or account.user),
        account_id=account.pk,
        is_prepaid=account.is_prepaid,
        balance_usd=usd_of(account.balance_nanousd),
        held_usd=usd_of(held),
        available_usd=usd_of(max(min(bounds), 0)) if bounds else None,
        floor_usd=usd_of(account.floor_nanousd),
        monthly_cap_usd=None if cap is None else usd_of(cap),
        spent_this_month_usd=usd_of(spent),
        resets_at=None if cap is None else month_end(month),
        left_percent=_percent(account.available_nanousd, topped_up_to) if account.is_prepaid else None,
        spent_percent=None if cap is None else _percent(spent + held, cap),
    )


def _percent(part: int, whole: int) -> int:
    """0 to 100; any part of zero is 100."""
    if whole <= 0:
        return 100 if part > 0 else 0
    return max(0, min(100, round(100 * part / whole)))


def matching(lines: QuerySet[Movement], q: str) -> QuerySet[Movement]:
    """The lines of a ledger whose reason contains `q`, or whose request is `q`."""
    return lines.filter(Q(reason__icontains=q) | Q(call_id=q)) if q else lines


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An account whose balance or holds are not the sum of its rows; amounts in nano-dollars."""

    account: str
    balance: int
    moved: int
    held: int
    holds: int


def ledger_differences() -> Iterator[Mismatch]:
    """The accounts whose rows don't add up: none, unless rows were changed outside this package. One query."""
    moved = Movement.objects.filter(account=OuterRef("pk")).order_by().values("account")
    holds = Hold.objects.filter(account=OuterRef("pk")).order_by().values("account")
    accounts = Account.objects.select_related("user", "team").annotate(
        moved=Coalesce(Subquery(moved.annotate(sum=Sum("amount_nanousd")).values("sum")), 0),
        on_hold=Coalesce(Subquery(holds.annotate(sum=Sum("amount_nanousd")).values("sum")), 0),
    )
    for row in accounts.filter(~Q(moved=F("balance_nanousd")) | ~Q(on_hold=F("held_nanousd"))).order_by("pk"):
        yield Mismatch(str(row), row.balance_nanousd, row.moved, row.held_nanousd, row.on_hold)
