"""Many at once: threads with connections of their own, on the database that the suite runs on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from django.db import connection, connections

from access import credits
from access.keys import COMMAND_LINE
from access.models import NANO, Account
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)
CENT = NANO // 100
# Each has a connection of its own; PostgreSQL takes 100 in all, and other tests run beside these.
THREADS = 40


@pytest.fixture(autouse=True)
def _a_database_that_threads_can_share(
    transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterable[None]:
    """The suite's SQLite is in memory, where threads meet other locks than in a file: a copy is put into one.

    It is the calling thread's too until the test ends.
    """
    if connection.vendor != "sqlite":
        yield
        return
    copy = tmp_path / "copy.sqlite3"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(copy)])
    monkeypatch.setitem(connection.settings_dict, "NAME", str(copy))
    in_memory, connection.connection = connection.connection, None
    yield
    connection.connection.close()
    connection.connection = in_memory


def at_once(works: Iterable[Callable[[], object]]) -> list[Exception]:
    """Works on all of them in THREADS threads that start at the same moment; returns what was raised."""
    works, raised = list(works), []
    gate = threading.Barrier(min(THREADS, len(works)))

    def some(share: list[Callable[[], object]]) -> None:
        gate.wait()
        for work in share:
            try:
                work()
            except Exception as error:
                raised.append(error)
        connections.close_all()

    threads = [threading.Thread(target=some, args=(works[first::THREADS],)) for first in range(gate.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def holds(account: Account, count: int) -> list[Callable[[], None]]:
    def one(number: int) -> Callable[[], None]:
        return lambda: credits.hold(account_id=account.pk, call_id=f"call-{number}", amount_nanousd=CENT)

    return [one(number) for number in range(count)]


def test_of_200_requests_at_once_exactly_those_that_are_paid_for_pass():
    account = credits.top_up(by=COMMAND_LINE, holder=make_user(), usd=Decimal("1.20")).account
    refused = at_once(holds(account, 200))
    assert [type(error) for error in refused] == [credits.OutOfCredits] * 80
    account.refresh_from_db()
    assert (account.available_nanousd, account.holds.count()) == (0, 120)
    calls = list(account.holds.values_list("call_id", flat=True))
    assert at_once([partial(credits.settle, call_id=call, cost_nanousd=CENT) for call in calls]) == []
    account.refresh_from_db()
    assert (account.balance_nanousd, account.held_nanousd, account.movements.count()) == (0, 0, 121)
    assert list(credits.ledger_differences()) == []


def test_of_200_requests_at_once_exactly_those_within_the_cap_pass():
    account = credits.set_limits(by=COMMAND_LINE, holder=make_user(), monthly_cap_usd=Decimal("1.20"))
    refused = at_once(holds(account, 200))
    assert [type(error) for error in refused] == [credits.CapReached] * 80
    assert account.holds.count() == 120


def test_batches_that_settle_the_same_accounts_in_other_orders_neither_deadlock_nor_charge_twice():
    accounts = [credits.top_up(by=COMMAND_LINE, holder=make_user(), usd=Decimal(5)).account for _ in range(4)]
    calls = [(f"call-{n}", accounts[n % 4].pk) for n in range(80)]
    for call, account in calls:
        credits.hold(account_id=account, call_id=call, amount_nanousd=CENT)
    orders = [calls, calls[::-1], calls[1::2] + calls[::2], calls[40:] + calls[:40]] * 4
    batches = [[credits.Settlement(call, 2 * CENT, account) for call, account in order] for order in orders]

    def top_up(account: Account) -> None:
        credits.top_up(by=COMMAND_LINE, holder=account.user, usd=Decimal(1))

    settlements, top_ups = (partial(credits.settle_many, b) for b in batches), (partial(top_up, a) for a in accounts)
    assert at_once([*settlements, *top_ups]) == []
    balances = set(Account.objects.values_list("balance_nanousd", "held_nanousd"))
    assert balances == {(560 * CENT, 0)}
    assert list(credits.ledger_differences()) == []
