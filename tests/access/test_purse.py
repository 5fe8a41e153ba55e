"""An account in the database and the purse of a rehearsal refuse the same, and are charged the same."""

from __future__ import annotations

from itertools import product

import pytest
from django.utils import timezone

from access.credits import CapReached, OutOfCredits, Settlement, hold, settle_many
from access.credits.holds import purse_of
from access.credits.money import month_of
from access.models import Account, User
from engine.allowance.purse import NotPaid

CODES = {OutOfCredits: "insufficient_quota", CapReached: "monthly_cap_reached"}


@pytest.mark.parametrize("is_prepaid", [True, False])
def test_the_same_requests_are_refused_and_the_same_is_paid(dora: User, is_prepaid: bool):
    now = timezone.now()
    account = Account.objects.create(user=dora, is_prepaid=is_prepaid, month=month_of(now))
    cases = product((100, 250), (0, 60), (0, -50), (None, 120), (0, 30), (50, 90, 300), (10, 400))
    for number, (balance, held, floor, cap, spent, amount, cost) in enumerate(cases):
        Account.objects.update(
            balance_nanousd=balance,
            held_nanousd=held,
            floor_nanousd=floor,
            monthly_cap_nanousd=cap,
            spent_nanousd=spent,
        )
        account.refresh_from_db()
        purse, told = purse_of(account, now), ""
        try:
            hold(account_id=account.pk, call_id=f"c{number}", amount_nanousd=amount)
        except (OutOfCredits, CapReached) as refused:
            told = CODES[type(refused)]
        if told:
            with pytest.raises(NotPaid) as ours:
                purse.hold(amount)
            assert ours.value.code == told
            continue
        purse.hold(amount)
        purse.settle(amount, cost)
        settle_many([Settlement(f"c{number}", cost)])
        account.refresh_from_db()
        after = account.balance_nanousd, account.held_nanousd, account.spent_nanousd
        assert after == (purse.balance, purse.held, purse.spent)
