"""The books: holds, charges, movements by people, limits; and that they add up after any sequence of events."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from auditlog.models import LogEntry
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone

from access import credits
from access.credits.money import MOST_NANOUSD, dollars, month_end, nanousd_of, usd_of
from access.keys import COMMAND_LINE
from access.models import NANO, Account, Hold, Movement, MovementKind, Team
from lib.exceptions import NotAllowed
from providers import config_version
from tests.factories import make_user

pytestmark = pytest.mark.django_db
CENT = NANO // 100


def prepaid(usd: str = "1", **limits) -> Account:
    person = make_user()
    account = credits.top_up(by=COMMAND_LINE, holder=person, usd=Decimal(usd), reason="test").account
    return credits.set_limits(by=COMMAND_LINE, holder=person, **limits) if limits else account


def capped(usd: str = "1") -> Account:
    return credits.set_limits(by=COMMAND_LINE, holder=make_user(), monthly_cap_usd=Decimal(usd))


def books(account: Account) -> tuple[int, ...]:
    """Balance, held and spent in cents."""
    account.refresh_from_db()
    return tuple(n // CENT for n in (account.balance_nanousd, account.held_nanousd, account.spent_nanousd))


def test_a_request_holds_settles_at_its_true_cost_and_is_charged_once():
    account = prepaid()
    credits.hold(account_id=account.pk, call_id="a", amount_nanousd=40 * CENT)
    assert books(account) == (100, 40, 0)
    for _ in range(2):
        credits.settle(call_id="a", cost_nanousd=25 * CENT)
    assert books(account) == (75, 0, 25)
    charge = account.movements.get(kind=MovementKind.CHARGE)
    assert (charge.amount_nanousd, charge.balance_after_nanousd, charge.by) == (-25 * CENT, 75 * CENT, "gateway")


def test_a_failure_gives_back_and_leaves_no_line():
    account = prepaid()
    credits.hold(account_id=account.pk, call_id="a", amount_nanousd=40 * CENT)
    credits.give_back(call_id="a")
    credits.give_back(call_id="a")
    credits.hold(account_id=account.pk, call_id="b", amount_nanousd=CENT)
    credits.settle(call_id="b", cost_nanousd=0)
    assert books(account) == (100, 0, 0)
    assert account.movements.count() == 1


def test_prepaid_credits_that_do_not_suffice_are_refused_with_what_is_left():
    account = prepaid("0.5", floor_usd=Decimal("0.1"))
    credits.hold(account_id=account.pk, call_id="a", amount_nanousd=36 * CENT)
    with pytest.raises(credits.OutOfCredits, match=r"up to \$0.05; of the credits of user-1, \$0.04 are left"):
        credits.hold(account_id=account.pk, call_id="b", amount_nanousd=5 * CENT)
    assert books(account) == (50, 36, 0)
    credits.hold(account_id=account.pk, call_id="c", amount_nanousd=4 * CENT)


def test_a_cap_bounds_what_is_spent_and_held_and_says_when_the_month_ends():
    account = capped("1")
    credits.hold(account_id=account.pk, call_id="a", amount_nanousd=60 * CENT)
    credits.settle(call_id="a", cost_nanousd=50 * CENT)
    credits.hold(account_id=account.pk, call_id="b", amount_nanousd=30 * CENT)
    with pytest.raises(credits.CapReached, match=r"of \$1.00, \$0.20 are left until") as refused:
        credits.hold(account_id=account.pk, call_id="c", amount_nanousd=21 * CENT)
    assert 0 < refused.value.retry_after_s <= 31 * 24 * 3600
    assert books(account) == (-50, 30, 50)


def test_a_new_month_starts_from_nothing_spent(monkeypatch):
    account = capped("1")
    times = iter([datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, 0, 0, tzinfo=UTC)])
    now = next(times)
    monkeypatch.setattr(timezone, "now", lambda: now)
    credits.hold(account_id=account.pk, call_id="old", amount_nanousd=90 * CENT)
    credits.settle(call_id="old", cost_nanousd=90 * CENT)
    with pytest.raises(credits.CapReached) as refused:
        credits.hold(account_id=account.pk, call_id="late", amount_nanousd=20 * CENT)
    assert (refused.value.retry_after_s, refused.value.ends_at) == (60.0, datetime(2027, 1, 1, tzinfo=UTC))
    now = next(times)
    assert credits.summary_of(account.user).spent_this_month_usd == 0
    credits.hold(account_id=account.pk, call_id="new", amount_nanousd=20 * CENT)
    assert books(account) == (-90, 20, 0)
    credits.settle(call_id="new", cost_nanousd=10 * CENT)
    assert books(account) == (-100, 0, 10)


def test_a_request_that_runs_over_the_end_of_the_month_counts_where_it_ends(monkeypatch):
    account = capped("1")
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 3, 31, 23, 59, tzinfo=UTC))
    credits.hold(account_id=account.pk, call_id="a", amount_nanousd=90 * CENT)
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 4, 1, tzinfo=UTC))
    with pytest.raises(credits.CapReached):
        credits.hold(account_id=account.pk, call_id="b", amount_nanousd=20 * CENT)
    credits.settle(call_id="a", cost_nanousd=70 * CENT)
    assert books(account) == (-70, 0, 70)


def test_a_server_whose_clock_is_behind_does_not_bring_the_old_month_back(monkeypatch):
    account = capped("1")
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 4, 1, tzinfo=UTC))
    credits.settle(call_id="a", cost_nanousd=70 * CENT, account_id=account.pk)
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 3, 31, 23, 59, tzinfo=UTC))
    credits.settle(call_id="b", cost_nanousd=10 * CENT, account_id=account.pk)
    with pytest.raises(credits.CapReached):
        credits.hold(account_id=account.pk, call_id="c", amount_nanousd=21 * CENT)
    assert books(account) == (-80, 0, 80)


def test_a_cost_beyond_the_hold_takes_what_is_there_and_says_what_is_not_collected():
    account = prepaid("1")
    credits.hold(account_id=account.pk, call_id="a", amount_nanousd=10 * CENT)
    credits.hold(account_id=account.pk, call_id="b", amount_nanousd=70 * CENT)
    credits.settle_many([credits.Settlement("a", 50 * CENT, reason="gpt-x")])
    assert books(account) == (70, 70, 30)
    charge = account.movements.get(call_id="a")
    assert charge.reason == "gpt-x · $0.20 of $0.50 not collected: the account had no more."
    credits.settle(call_id="b", cost_nanousd=70 * CENT)
    assert books(account) == (0, 0, 100)


def test_what_was_held_is_collected_even_when_the_floor_was_raised_meanwhile():
    account = prepaid("1")
    credits.hold(account_id=account.pk, call_id="a", amount_nanousd=40 * CENT)
    credits.set_limits(by=COMMAND_LINE, holder=account.user, floor_usd=Decimal("0.9"))
    credits.settle(call_id="a", cost_nanousd=60 * CENT)
    assert books(account) == (60, 0, 40)


def test_the_holds_of_a_process_that_died_are_given_back_and_a_late_settlement_still_charges():
    account = prepaid("1")
    credits.hold(account_id=account.pk, call_id="dead", amount_nanousd=30 * CENT)
    credits.hold(account_id=account.pk, call_id="alive", amount_nanousd=20 * CENT)
    Hold.objects.filter(call_id="dead").update(at=timezone.now() - timedelta(hours=2))
    assert credits.give_back_abandoned(older_than=timedelta(hours=1)) == 1
    assert books(account) == (100, 20, 0)
    for _ in range(2):
        credits.settle(call_id="dead", cost_nanousd=30 * CENT, account_id=account.pk)
    assert books(account) == (70, 20, 30)


def test_nothing_is_held_of_an_account_that_is_gone_nor_for_what_is_free():
    account = prepaid("1")
    gone = account.pk
    credits.hold(account_id=gone, call_id="free", amount_nanousd=0)
    credits.hold(account_id=gone, call_id="a", amount_nanousd=CENT)
    account.user.delete()
    credits.hold(account_id=gone, call_id="b", amount_nanousd=CENT)
    credits.settle_many([credits.Settlement(name, CENT, gone) for name in "ab"])
    assert not Hold.objects.exists()
    assert not Movement.objects.exists()


def test_an_estimate_or_cost_beyond_all_reason_breaks_nothing():
    account = capped("1")
    with pytest.raises(credits.CapReached):
        credits.hold(account_id=account.pk, call_id="a", amount_nanousd=10**30)
    credits.settle(call_id="b", cost_nanousd=10**30, account_id=account.pk)
    account.refresh_from_db()
    assert account.balance_nanousd == -MOST_NANOUSD


@pytest.mark.parametrize("wrong", [{"cost_nanousd": -1, "call_id": "a"}, {"cost_nanousd": 1, "call_id": ""}])
def test_a_settlement_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="call_id, and a cost"):
        credits.Settlement(**wrong)
    with pytest.raises(ValueError, match="0 or more"):
        credits.hold(account_id=1, call_id="a", amount_nanousd=-1)


def test_a_first_top_up_makes_a_prepaid_account_a_first_cap_one_that_is_not(alice):
    team = Team.objects.create(name="Research")
    before = config_version.current()
    credits.top_up(by=alice, holder=team, usd=Decimal(5), reason="hello")
    assert (team.account.is_prepaid, config_version.current()) == (True, before + 1)
    credits.top_up(by=alice, holder=team, usd=Decimal(5))
    assert config_version.current() == before + 1
    credits.set_limits(by=alice, holder=alice, monthly_cap_usd=Decimal(20))
    assert not alice.account.is_prepaid
    assert config_version.current() > before + 1
    assert LogEntry.objects.filter(object_repr="account of Research").count() == 3


def test_only_admins_move_money_or_set_limits(bob, charlie):
    for person in (bob, charlie):
        with pytest.raises(NotAllowed):
            credits.top_up(by=person, holder=person, usd=Decimal(5))
        with pytest.raises(NotAllowed):
            credits.correct(by=person, holder=person, usd=Decimal(5), reason="please")
        with pytest.raises(NotAllowed):
            credits.set_limits(by=person, holder=person, is_prepaid=False)
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("verb", "fields", "why"),
    [
        ("top_up", {"usd": Decimal(-1)}, "more than 0"),
        ("top_up", {"usd": Decimal("0.0000000001")}, "at most 9 decimals"),
        ("top_up", {"usd": Decimal("NaN")}, "at most 9 decimals"),
        ("top_up", {"usd": usd_of(MOST_NANOUSD) + 1}, "at most .1,000,000.00 at once"),
        ("top_up", {"usd": Decimal(1), "reason": "x" * 257}, "256 characters"),
        ("correct", {"usd": Decimal(0), "reason": "x"}, "other than 0"),
        ("correct", {"usd": Decimal(1), "reason": " "}, "Say why"),
        (
            "correct",
            {"usd": Decimal("-0.61"), "reason": "x"},
            r"At most \$0.60 can .* hold \$0.40",
        ),
        ("set_limits", {"monthly_cap_usd": Decimal(-1)}, "0 or more"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(alice, verb, fields, why):
    account = prepaid("1")
    credits.hold(account_id=account.pk, call_id="a", amount_nanousd=40 * CENT)
    with pytest.raises(ValidationError, match=why):
        getattr(credits, verb)(by=alice, holder=account.user, **fields)
    assert books(account) == (100, 40, 0)
    assert account.movements.count() == 1


@pytest.mark.parametrize("seed", range(6))
def test_the_books_add_up_after_any_sequence_of_events(seed):
    """Random holds, settlements, ends and movements: never below the floor, never a charge twice."""
    rng = random.Random(seed)
    account = prepaid("1", floor_usd=Decimal("0.2"))
    open_calls, ended = list[str](), list[str]()
    for number in range(150):
        _any_step(rng, account, f"call-{number}", open_calls, ended)
        account.refresh_from_db()
        assert account.balance_nanousd - account.held_nanousd >= account.floor_nanousd
    assert list(credits.ledger_differences()) == []
    charged = list(account.movements.exclude(call_id="").values_list("call_id", flat=True))
    assert len(charged) == len(set(charged)) > 10
    _check_each_line_follows(account)


def _any_step(rng, account, call_id, open_calls, ended):
    step = rng.choice(["hold", "hold", "hold", "settle", "settle", "give_back", "top_up", "correct", "again"])
    amount = rng.randrange(1, 30 * CENT)
    try:
        if step == "hold":
            credits.hold(account_id=account.pk, call_id=call_id, amount_nanousd=amount)
            open_calls.append(call_id)
        elif step == "top_up":
            credits.top_up(by=COMMAND_LINE, holder=account.user, usd=usd_of(amount))
        elif step == "correct":
            credits.correct(by=COMMAND_LINE, holder=account.user, usd=usd_of(-amount), reason="test")
        elif step == "again" and ended:
            credits.settle(call_id=rng.choice(ended), cost_nanousd=amount, account_id=account.pk)
        elif open_calls:
            ended.append(open_calls.pop(rng.randrange(len(open_calls))))
            credits.settle(call_id=ended[-1], cost_nanousd=amount if step == "settle" else 0)
    except (credits.OutOfCredits, ValidationError):
        pass


def _check_each_line_follows(account):
    balance = 0
    for line in account.movements.order_by("id"):
        balance += line.amount_nanousd
        assert line.balance_after_nanousd == balance


def test_check_credits_finds_what_was_changed_past_the_books(capsys):
    account = prepaid("1")
    credits.hold(account_id=account.pk, call_id="a", amount_nanousd=CENT)
    call_command("check_credits")
    assert "1 accounts add up" in capsys.readouterr().out
    Account.objects.update(balance_nanousd=5, held_nanousd=7)
    with pytest.raises(CommandError, match="1 accounts don't add up"):
        call_command("check_credits")
    assert "balance 5, movements 1000000000; held 7, holds 10000000" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("usd", "text"),
    [("1234.5", "$1,234.50"), ("-2", "−$2.00"), ("0.0123", "$0.0123"), ("0.000001234", "$0.00000123"), ("0", "$0.00")],
)
def test_amounts_are_read_easily(usd, text):
    assert dollars(Decimal(usd)) == text


def test_amounts_and_months_are_exact():
    assert nanousd_of(Decimal("0.1") + Decimal("0.2")) == 300_000_000
    assert usd_of(123_456_789_123_456_789) == Decimal("123456789.123456789")
    assert month_end(datetime(2026, 12, 1, tzinfo=UTC).date()) == datetime(2027, 1, 1, tzinfo=UTC)
