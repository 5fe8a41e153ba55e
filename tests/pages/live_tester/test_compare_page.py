"""The page that puts a group beside another configuration."""

from __future__ import annotations

from uuid import uuid4

import pytest

from groups.actions import update_group
from pages.live_tester import compare as page
from tester.exceptions import RunBroken
from tester.models import Run
from tests.factories import make_group
from tests.page import html_of

pytestmark = pytest.mark.django_db
FORM = {"scenario": "primary-outage", "num_requests": "100", "seeds": "2", "seed": "7"}


@pytest.fixture
def address(group) -> str:
    return f"/groups/{group.pk}/compare"


@pytest.fixture
def alone(group):
    first = group.deployments.first().model
    return make_group(name="alone", strategy="priority-failover", models=[first], retry_config=group.retry_config)


def test_the_form_offers_routers_revisions_and_groups(client, bob, group, alone, address):
    update_group(by=bob, group=group, description="changed")
    client.force_login(bob)
    html = html_of(client.get(f"{address}?scenario=slow-creep"))
    assert "Nothing compared yet" in html
    assert f'value="group:{alone.pk}"' in html
    assert 'value="router:litellm"' in html
    assert "Revision 1, " in html
    assert '<option value="slow-creep" selected>' in html


def test_the_better_side_is_said_in_words(client, bob, group, alone):
    client.force_login(bob)
    html = html_of(client.post(f"/groups/{alone.pk}/compare", {**FORM, "against": f"group:{group.pk}"}))
    assert "B is better" in html
    assert "100 requests on each side with each of 2 seeds" in html
    assert not Run.objects.exists()


def test_the_same_on_both_sides_is_no_difference(client, bob, group, address):
    client.force_login(bob)
    update_group(by=bob, group=group, description="changed")
    html = html_of(client.post(address, {**FORM, "against": "revision:1"}))
    assert "No difference" in html
    assert "is better</span>" not in html


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"against": "group:nobody"}, "Select a valid choice"),
        ({"against": ""}, "This field is required."),
        ({"scenario": "meteor"}, "Select a valid choice"),
        ({"num_requests": "100000", "seeds": "100"}, "are too many to wait for"),
        ({"seeds": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(client, bob, alone, address, wrong, says):
    client.force_login(bob)
    answer = client.post(address, {**FORM, "against": f"group:{alone.pk}", **wrong})
    assert answer.status_code == 422
    assert says in html_of(answer)


def test_a_comparison_that_breaks_says_why(client, bob, alone, address, monkeypatch):
    def broken(**_: object) -> None:
        raise RunBroken("No result within 60 s.")

    monkeypatch.setattr(page, "compare", broken)
    client.force_login(bob)
    answer = client.post(address, {**FORM, "against": f"group:{alone.pk}"})
    assert answer.status_code == 503
    assert "No result within 60 s." in html_of(answer)


def test_only_operators_compare_on_the_page(client, charlie, address):
    client.force_login(charlie)
    assert client.get(address).status_code == 403
    assert client.post(address, FORM).status_code == 403


def test_an_unknown_group_has_no_page(client, bob):
    client.force_login(bob)
    assert client.get(f"/groups/{uuid4()}/compare").status_code == 404
