"""The page of one routing group."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest

from groups.deployments.percentages import as_percentages, percentages
from groups.models import Deployment, RoutingGroup
from pages.groups.cards import tiers_of
from tests.factories import make_model, make_provider
from tests.page import html_of

pytestmark = pytest.mark.django_db
SHARES = Path(__file__).resolve().parents[2] / "js" / "shares.json"


def group_of(strategy: str, *places: dict, **fields) -> RoutingGroup:
    """A group over one model a place, of providers named A, B, C …"""
    group = RoutingGroup.objects.create(name="g", strategy=strategy, created_by="t", updated_by="t", **fields)
    for number, place in enumerate(places):
        provider = make_provider(name="ABCDEFGH"[number], enabled=place.pop("enabled", True))
        Deployment.objects.create(group=group, position=number, model=make_model(provider=provider), **place)
    return RoutingGroup.objects.with_deployments().get(pk=group.pk)


def read(client, person, group: RoutingGroup) -> str:
    client.force_login(person)
    return html_of(client.get(f"/groups/{group.pk}"))


def test_priorities_make_tiers_in_order(client, charlie):
    group = group_of("priority-failover", {"priority": 2}, {"priority": 1}, {"priority": 2})
    assert [(t.number, [c.disc.name for c in t.cards]) for t in tiers_of(group)] == [(1, ["B"]), (2, ["A", "C"])]
    html = read(client, charlie, group).partition('class="tiers"')[2]
    assert html.index("Priority 1") < html.index("Priority 2") < html.index("when the tier above fails")


def test_a_deployment_is_called_by_its_own_name_else_by_its_provider():
    group = group_of("least-busy", {"display_name": "Cheap one"}, {})
    (named, plain) = tiers_of(group)[0].cards
    assert (named.title, plain.title) == ("Cheap one", "B")
    assert named.subtitle == f"A · {group.deployments.all()[0].model.name}"


def test_weights_become_percentages_that_add_up_to_100(client, charlie):
    group = group_of("weighted", {"weight": 1}, {"weight": 1}, {"weight": 1})
    assert [c.share for c in tiers_of(group)[0].cards] == [34, 33, 33]
    assert "34\u202f%" in read(client, charlie, group)


@pytest.mark.parametrize("case", json.loads(SHARES.read_text()))
def test_shares_by_largest_remainder_are_those_of_the_builder_s_script(case):
    assert percentages(case["weights"]) == case["shares"]


@pytest.mark.parametrize(
    ("weights", "live", "wanted"),
    [
        ([50, 50, 50], "yyy", [34, 33, 33]),
        ([999, 1], "yy", [99, 1]),
        ([0, 5], "yy", [0, 100]),
        ([0, 0], "yy", [50, 50]),
        ([30, 10, 20], "yyn", [75, 25, 50]),
        ([1, 1_000_000], "yn", [100, 1_000_000]),
        ([50, 50], "nn", [50, 50]),
        ([1000, *[1] * 99], "y" * 100, [1] * 100),
        ([], "", []),
    ],
)
def test_weights_as_percentages_leave_nobody_out_who_had_traffic(weights, live, wanted):
    assert as_percentages(weights, [one == "y" for one in live]) == wanted


def test_a_disabled_provider_takes_no_share_and_says_so(client, charlie):
    group = group_of("weighted", {"weight": 50, "enabled": False}, {"weight": 50})
    assert [c.share for c in tiers_of(group)[0].cards] == [0, 100]
    assert "A is disabled" in read(client, charlie, group)


def test_other_strategies_have_neither_order_nor_shares(client, charlie):
    html = read(client, charlie, group_of("least-busy", {}, {}))
    assert "Priority 1" not in html
    assert '<strong class="share"' not in html


def test_settings_in_effect_are_its_own_or_the_defaults(client, charlie):
    group = group_of(
        "least-busy",
        {},
        retry_config={"num_retries": 7, "timeout_s": 12.5},
        cooldown_config={"allowed_fails": 0},
        fallback_config={"fallback_groups": ["spare"]},
    )
    client.force_login(charlie)
    sections = client.get(f"/groups/{group.pk}").context["sections"]
    shown = {s.label: (s.value, s.is_default, s.names) for section in sections for s in section.settings}
    assert shown["Retries when nobody else can be asked"] == ("7", False, ())
    assert shown["Timeout of an attempt"] == ("12.5 s", False, ())
    assert shown["Silence allowed in a stream"] == ("30 s", True, ())
    assert shown["Failures allowed before it"] == ("0", False, ())
    assert shown["When all fails"][2] == ("spare",)


def test_the_table_of_errors_has_the_groups_own_rules_in_it(client, charlie):
    rules = {"timeout": {"here": 1, "wait_s": 2}}
    group = group_of("least-busy", {}, retry_config={"by_error": rules})
    client.force_login(charlie)
    rows = {row.kind: row for row in client.get(f"/groups/{group.pk}").context["error_rows"]}
    assert (rows["timeout"].here, rows["timeout"].is_own) == ("1 retry, after 2 s", True)
    assert (rows["not_found"].here, rows["not_found"].is_own) == ("no retry", False)
    RoutingGroup.objects.update(retry_config={"num_retries": "many"})
    assert "What happens on which error" in html_of(client.get(f"/groups/{group.pk}"))


def test_it_says_how_to_call_the_group_at_this_address(client, charlie):
    group = group_of("least-busy", {})
    client.force_login(charlie)
    html = html_of(client.get(f"/groups/{group.pk}/use"))
    assert "http://testserver/v1/chat/completions" in html
    assert "&quot;model&quot;: &quot;g&quot;" in html or '"model": "g"' in html
    for client_name in ("curl", "OpenAI for Python", "Anthropic for Python", "AI SDK", "Claude Code", "Codex"):
        assert client_name in html
    assert "ANTHROPIC_BASE_URL=http://testserver export" in html.replace("\n", " ")
    assert f"/keys/new?group={group.pk}" in html
    assert "sk-rc-" not in html.replace("sk-rc-…", "")


def test_what_people_typed_is_shown_as_text(client, charlie):
    html = read(client, charlie, group_of("least-busy", {"display_name": "<b>x</b>"}, description="<script>1</script>"))
    assert "<script>1" not in html
    assert "<b>x" not in html


def test_an_empty_group_and_an_inactive_one_say_so(client, charlie):
    html = read(client, charlie, group_of("least-busy", is_active=False))
    assert "no deployments" in html
    assert "Inactive" in html


@pytest.mark.parametrize(("person", "status"), [("alice", 200), ("bob", 200), ("charlie", 200), ("dora", 403)])
def test_every_role_may_read_and_a_stranger_may_not(client, request, person, status):
    group = group_of("least-busy", {})
    client.force_login(request.getfixturevalue(person))
    assert client.get(f"/groups/{group.pk}").status_code == status


@pytest.mark.parametrize("address", [f"/groups/{uuid4()}", "/groups/not-a-uuid"])
def test_an_unknown_group_is_a_404(client, charlie, address):
    client.force_login(charlie)
    assert client.get(address).status_code == 404


def test_the_number_of_queries_is_constant(client, charlie, django_assert_num_queries):
    client.force_login(charlie)
    group = group_of("weighted", *({"weight": 1} for _ in range(8)))
    with django_assert_num_queries(14):
        client.get(f"/groups/{group.pk}")
