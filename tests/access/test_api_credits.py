"""`/api/v1/llm/credits`, its ledger and its limits."""

from __future__ import annotations

from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from access import credits
from access.keys import COMMAND_LINE
from access.models import NANO, Account, Membership, Team
from tests.conftest import api_of

pytestmark = pytest.mark.django_db
URL, MOVEMENTS, LIMITS = ("/api/v1/llm/credits" + part for part in ("", "/movements", "/limits"))


def give(holder, usd: str = "10", **limits) -> Account:
    account = credits.top_up(by=COMMAND_LINE, holder=holder, usd=Decimal(usd), reason="test").account
    return credits.set_limits(by=COMMAND_LINE, holder=holder, **limits) if limits else account


@pytest.fixture
def team(charlie) -> Team:
    team = Team.objects.create(name="Research")
    Membership.objects.create(team=team, user=charlie)
    return team


def test_everybody_reads_their_own_credits(as_charlie, charlie):
    account = give(charlie, "10.123456789", monthly_cap_usd=Decimal(4))
    credits.hold(account_id=account.pk, call_id="a", amount_nanousd=NANO)
    credits.settle(call_id="a", cost_nanousd=NANO // 2)
    credits.hold(account_id=account.pk, call_id="b", amount_nanousd=NANO)
    answer = as_charlie.get(URL)
    assert b'"balance_usd":9.623456789,' in answer.content
    body = answer.json()
    assert body.pop("resets_at").endswith("-01T00:00:00Z")
    assert body == {
        "account": {"type": "user", "id": str(charlie.pk), "name": "charlie"},
        "is_limited": True,
        "is_prepaid": True,
        "balance_usd": 9.623456789,
        "held_usd": 1.0,
        "available_usd": 2.5,
        "floor_usd": 0.0,
        "monthly_cap_usd": 4.0,
        "spent_this_month_usd": 0.5,
    }


def test_without_an_account_nothing_is_limited(as_charlie, settings):
    body = as_charlie.get(URL).json()
    assert (body["is_limited"], body["balance_usd"], body["account"]["name"]) == (False, None, "charlie")
    master = APIClient(headers={"Authorization": f"Bearer {settings.MASTER_KEY}"})
    assert master.get(URL).json()["account"] is None
    assert master.get(MOVEMENTS).json() == {"movements": [], "total": 0, "page": 1, "size": 50}


def test_a_key_of_a_team_reads_the_credits_of_the_team(as_charlie, charlie, team):
    give(team, "7")
    charlie.api_keys.update(team=team)
    assert as_charlie.get(URL).json()["account"] == {"type": "team", "id": str(team.pk), "name": "Research"}
    assert as_charlie.get(MOVEMENTS).json()["total"] == 1


def test_members_see_their_team_and_nobody_elses(as_charlie, as_bob, as_alice, alice, team):
    give(team, "7")
    give(alice)
    for asked in (f"team={team.pk}", "team=research"):
        assert as_charlie.get(f"{URL}?{asked}").json()["balance_usd"] == 7
        assert as_bob.get(f"{URL}?{asked}").status_code == 403
        assert as_alice.get(f"{MOVEMENTS}?{asked}").json()["total"] == 1
    assert as_charlie.get(f"{URL}?user=alice").status_code == 403
    assert as_charlie.get(f"{URL}?user=zebra").json() == as_charlie.get(f"{URL}?user=alice").json()
    assert as_alice.get(f"{URL}?user=zebra").status_code == 404
    assert as_alice.get(f"{URL}?user=alice&team=research").json()["user"] == [
        "Give either user or team: whose credits they are."
    ]


def test_the_ledger_is_paged_and_searched(as_charlie, charlie):
    account = give(charlie)
    for n in range(3):
        credits.hold(account_id=account.pk, call_id=f"call-{n}", amount_nanousd=NANO)
    credits.settle_many([credits.Settlement(f"call-{n}", 250_000_001, reason="gpt-x") for n in range(3)])
    page = as_charlie.get(f"{MOVEMENTS}?size=2").json()
    assert (page["total"], [line["call_id"] for line in page["movements"]]) == (4, ["call-2", "call-1"])
    assert page["movements"][0] | {"id": 0, "at": ""} == {
        "id": 0,
        "kind": "charge",
        "amount_usd": -0.250000001,
        "balance_after_usd": 9.249999997,
        "reason": "gpt-x",
        "call_id": "call-2",
        "by": "gateway",
        "at": "",
    }
    assert as_charlie.get(f"{MOVEMENTS}?q=call-1").json()["total"] == 1
    assert as_charlie.get(f"{MOVEMENTS}?q=TES").json()["total"] == 1


def test_admins_top_up_and_correct(as_alice, charlie):
    made = as_alice.post(MOVEMENTS, {"user": "charlie", "amount_usd": 5.1, "reason": "Invoice 7"})
    assert made.status_code == 201
    assert made.json()["movement"] | {"id": 0, "at": ""} == {
        "id": 0,
        "kind": "top_up",
        "amount_usd": 5.1,
        "balance_after_usd": 5.1,
        "reason": "Invoice 7",
        "call_id": "",
        "by": "alice",
        "at": "",
    }
    body = {"user": str(charlie.pk), "amount_usd": "-0.1", "kind": "correction", "reason": "typo"}
    assert as_alice.post(MOVEMENTS, body).json()["credits"]["balance_usd"] == 5.0


def test_admins_set_limits_whole_or_in_part(as_alice, team):
    whole = {"team": "Research", "is_prepaid": False, "monthly_cap_usd": 20}
    assert as_alice.put(LIMITS, whole).json()["available_usd"] == 20
    part = as_alice.patch(LIMITS, {"team": str(team.pk), "floor_usd": -5, "isPrepaid": True}).json()
    assert (part["is_prepaid"], part["floor_usd"], part["monthly_cap_usd"]) == (True, -5, 20)
    assert part["available_usd"] == 5
    assert as_alice.put(LIMITS, {"team": "Research", "is_prepaid": False}).json()["monthly_cap_usd"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount_usd": 1}, "user"),
        ({"user": "charlie", "team": "Research", "amount_usd": 1}, "user"),
        ({"user": "zebra", "amount_usd": 1}, "user"),
        ({"team": "zebra", "amount_usd": 1}, "team"),
        ({"user": "charlie"}, "amount_usd"),
        ({"user": "charlie", "amount_usd": -1}, "amount_usd"),
        ({"user": "charlie", "amount_usd": "1e99"}, "amount_usd"),
        ({"user": "charlie", "amount_usd": "0.0000000001"}, "amount_usd"),
        ({"user": "charlie", "amount_usd": 2_000_000}, "amount_usd"),
        ({"user": "charlie", "amount_usd": 1, "kind": "charge"}, "kind"),
        ({"user": "charlie", "amount_usd": 1, "kind": "correction"}, "reason"),
        ({"user": "charlie", "amount_usd": 1, "reason": "x" * 257}, "reason"),
        ({"user": "charlie", "amount_usd": 1, "amonut": 1}, "amonut"),
    ],
)
def test_a_bad_movement_is_refused_by_the_field(as_alice, charlie, body, field):
    answer = as_alice.post(MOVEMENTS, body)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"user": "charlie"}, "is_prepaid"),
        ({"user": "charlie", "is_prepaid": True, "monthly_cap_usd": -1}, "monthly_cap_usd"),
        ({"user": "charlie", "is_prepaid": True, "floor_usd": "much"}, "floor_usd"),
    ],
)
def test_bad_limits_are_refused_by_the_field(as_alice, charlie, body, field):
    answer = as_alice.put(LIMITS, body)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not Account.objects.exists()


def test_only_admins_move_money_and_strangers_see_nothing(as_bob, as_charlie, as_dora, as_nobody):
    body = {"user": "bob", "amount_usd": 1, "is_prepaid": False}
    for who in (as_bob, as_charlie, as_dora):
        assert who.post(MOVEMENTS, body).status_code == 403
        assert who.put(LIMITS, body).status_code == 403
        assert who.patch(LIMITS, body).status_code == 403
    assert [as_dora.get(url).status_code for url in (URL, MOVEMENTS)] == [403, 403]
    assert [as_nobody.get(url).status_code for url in (URL, MOVEMENTS)] == [401, 401]
    assert not Account.objects.exists()


def test_other_methods_are_not_allowed(as_alice):
    assert as_alice.post(URL, {}).status_code == 405
    assert as_alice.delete(MOVEMENTS).status_code == 405
    assert as_alice.get(LIMITS).status_code == 405


def test_a_long_ledger_takes_no_more_queries(charlie, django_assert_max_num_queries):
    client, account = api_of(charlie), give(charlie, "100")
    credits.settle_many([credits.Settlement(f"c-{n}", 1, account.pk) for n in range(60)])
    with django_assert_max_num_queries(7):
        assert len(client.get(MOVEMENTS).json()["movements"]) == 50
