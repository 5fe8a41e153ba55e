"""The pages of the credits: the accounts, one of them with its ledger, a new one."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.template.loader import render_to_string

from access import credits
from access.keys import COMMAND_LINE
from access.models import NANO, Account, Membership, Team
from tests.factories import make_user
from tests.page import HTMX, html_of, signed_in

pytestmark = pytest.mark.django_db
page = signed_in("alice")


def give(holder, usd: str = "10", **limits) -> Account:
    account = credits.top_up(by=COMMAND_LINE, holder=holder, usd=Decimal(usd), reason="test").account
    return credits.set_limits(by=COMMAND_LINE, holder=holder, **limits) if limits else account


def names(client, address: str) -> list[str]:
    return [row.owner.name for row in client.get(address).context["rows"]]


def test_all_accounts_are_listed_searched_and_paged(page):
    give(make_user("bea"), "1234.5")
    credits.set_limits(by=COMMAND_LINE, holder=Team.objects.create(name="Anvils"), monthly_cap_usd=Decimal(20))
    used_up = give(make_user("carl"), "1")
    credits.settle(call_id="a", cost_nanousd=NANO, account_id=used_up.pk)
    html = html_of(page.get("/credits"))
    for text in ("$1,234.50", "of $20.00", "Used up", "not prepaid", "1–3 of 3 accounts"):
        assert text in html, text
    assert names(page, "/credits") == ["Anvils", "bea", "carl"]
    assert names(page, "/credits?q=ANV") == ["Anvils"]
    assert "No account matches" in html_of(page.get("/credits?q=zebra"))
    assert "<html" not in html_of(page.get("/credits?q=ANV", headers=HTMX))


@pytest.mark.parametrize("query", ["q=%00", "page=99", "page=x", f"q={'x' * 500}"])
def test_odd_addresses_show_the_list(page, query):
    assert page.get(f"/credits?{query}").status_code == 200


def test_before_there_is_any_the_page_says_what_it_is_for(page):
    assert "Nobody is limited" in html_of(page.get("/credits"))


def test_an_account_shows_balance_limits_and_every_line(page):
    account = give(make_user("bea"), "10", monthly_cap_usd=Decimal(50), floor_usd=Decimal(1))
    credits.hold(account_id=account.pk, call_id="call-7", amount_nanousd=NANO)
    credits.settle_many([credits.Settlement("call-7", 12_300_000, reason="gpt-x")])
    credits.hold(account_id=account.pk, call_id="call-8", amount_nanousd=2 * NANO)
    html = html_of(page.get(f"/credits/{account.pk}"))
    for text in ("$9.99", "running requests hold $2.00", "the floor is $1.00", "of $50.00 this month", "−$0.0123"):
        assert text in html, text
    assert html.index("call-7") < html.index("+$10.00")
    assert "Top up or correct" in html
    assert "+$10.00" not in html_of(page.get(f"/credits/{account.pk}?q=gpt"))
    assert "No line matches" in html_of(page.get(f"/credits/{account.pk}?q=zebra"))


def test_an_admin_tops_up_and_corrects(page):
    account = give(make_user("bea"))
    url = f"/credits/{account.pk}/movements"
    answer = page.post(url, {"kind": "top_up", "amount": "2.50", "reason": "Invoice"})
    assert answer.url == f"/credits/{account.pk}"
    part = page.post(url, {"kind": "correction", "amount": "-0.5", "reason": "typo"}, headers=HTMX)
    html = html_of(part)
    assert "$12.00" in html
    assert "Correction of −$0.50 is booked." in html
    assert "<html" not in html


def test_an_admin_sets_limits(page):
    account = give(make_user("bea"))
    page.post(f"/credits/{account.pk}/limits", {"floor": "-3", "monthly_cap": "20"})
    account.refresh_from_db()
    limits = (account.is_prepaid, account.floor_nanousd, account.monthly_cap_nanousd)
    assert limits == (False, -3 * NANO, 20 * NANO)
    html = html_of(page.get(f"/credits/{account.pk}"))
    assert 'value="-3"' in html
    assert 'value="20"' in html


@pytest.mark.parametrize(
    ("part", "typed", "why"),
    [
        ("movements", {"kind": "top_up", "amount": "-1", "reason": "kept"}, "A top-up adds more than 0"),
        ("movements", {"kind": "top_up", "amount": "much", "reason": "kept"}, "Enter a number"),
        ("movements", {"kind": "theft", "amount": "1", "reason": "kept"}, "Select a valid choice"),
        ("movements", {"kind": "correction", "amount": "-11", "reason": "kept"}, "At most $10.00 can be taken"),
        ("movements", {"kind": "correction", "amount": "771", "reason": " "}, "Say why"),
        ("limits", {"floor": "771", "monthly_cap": "-1"}, "greater than or equal to 0"),
        ("limits", {"floor": "771", "monthly_cap": "2000000"}, "at most $1,000,000.00"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_makes_no_sense_comes_back_with_what_was_typed(page, part, typed, why, headers):
    account = give(make_user("bea"))
    answer = page.post(f"/credits/{account.pk}/{part}", typed, headers=headers)
    html = html_of(answer)
    assert answer.status_code == 422
    assert why in html
    assert 'value="kept"' in html or 'value="771"' in html
    assert account.movements.count() == 1


def test_a_new_account_is_opened_with_credits_or_a_cap(page, bob):
    Team.objects.create(name="Research")
    page.post("/credits/new", {"type": "team", "name": "research", "amount": "5", "monthly_cap": "2"})
    page.post("/credits/new", {"type": "user", "name": "bob", "amount": "", "monthly_cap": "3"})
    limits = Account.objects.order_by("pk").values_list("is_prepaid", "balance_nanousd", "monthly_cap_nanousd")
    assert list(limits) == [(True, 5 * NANO, 2 * NANO), (False, 0, 3 * NANO)]
    assert 'value="Research"' not in html_of(page.get("/credits/new"))


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"type": "user", "name": "zebra", "amount": "1"}, "no person called &#x27;zebra&#x27;"),
        ({"type": "team", "name": "alice", "amount": "1"}, "no team called &#x27;alice&#x27;"),
        ({"type": "user", "name": "alice"}, "Give credits, a monthly cap, or both."),
        ({"type": "user", "name": "alice", "amount": "-1"}, "A top-up adds more than 0"),
        ({"type": "user", "name": "bea", "amount": "1"}, "There is an account of this name already"),
        ({"type": "user", "name": "", "amount": "1"}, "Name the person or the team"),
    ],
)
def test_a_new_account_that_makes_no_sense_is_refused(page, typed, why):
    give(make_user("bea"))
    answer = page.post("/credits/new", typed)
    assert answer.status_code == 422
    assert why in html_of(answer)
    assert Account.objects.count() == 1


def test_others_see_their_own_and_their_teams_and_change_nothing(client, alice, charlie):
    team = Team.objects.create(name="Research")
    Membership.objects.create(team=team, user=charlie)
    ours, own, others = give(team), give(charlie), give(alice)
    client.force_login(charlie)
    assert names(client, "/credits") == ["Research", "charlie"]
    for account in (ours, own):
        assert "Book it" not in html_of(client.get(f"/credits/{account.pk}"))
    assert client.get(f"/credits/{others.pk}").status_code == 403
    assert client.get("/credits/new").status_code == 403
    assert client.post(f"/credits/{own.pk}/movements", {"kind": "top_up", "amount": "5"}).status_code == 403
    assert client.post(f"/credits/{own.pk}/limits", {}).status_code == 403


def test_strangers_see_nothing_and_the_anonymous_are_asked_who_they_are(client, dora):
    account = give(dora)
    assert client.get("/credits").url == "/sign-in?next=/credits"
    client.force_login(dora)
    assert [client.get(url).status_code for url in ("/credits", f"/credits/{account.pk}")] == [403, 403]


def test_wrong_methods_and_accounts_that_are_not_there(page):
    account = give(make_user("bea"))
    assert page.get(f"/credits/{account.pk}/movements").status_code == 405
    assert page.post(f"/credits/{account.pk}").status_code == 405
    for number in (account.pk + 1, 10**30):
        assert page.get(f"/credits/{number}").status_code == 404


def test_many_accounts_take_no_more_queries(page, django_assert_max_num_queries):
    for _ in range(40):
        give(make_user())
    with django_assert_max_num_queries(7):
        page.get("/credits")


@pytest.mark.parametrize(("usd", "text"), [("0", "No credits and no cap"), ("5", "$5.00 can be spent now")])
def test_other_pages_show_the_credits_of_somebody(charlie, usd, text):
    if usd != "0":
        give(charlie, usd)
    assert text in render_to_string("access/_credits.html", {"credits": credits.summary_of(charlie)})
