"""The pages of the virtual models: list, form, templates, deletion."""

from __future__ import annotations

from typing import Any

import pytest

from access.keys import COMMAND_LINE
from groups.models import RoutingRules, VirtualModel
from groups.virtual.actions import create_virtual_model, update_virtual_model
from groups.virtual.tiers import TierPlan
from tests.factories import make_group, make_model
from tests.page import html_of, signed_in

pytestmark = pytest.mark.django_db
AT = "/virtual-models"


@pytest.fixture
def pools(db: None) -> None:
    for name in ("mini", "standard", "heavy"):
        make_group(name=name, models=[make_model()])


@pytest.fixture
def chat(pools: None) -> VirtualModel:
    tiers = [TierPlan(pool="mini"), TierPlan(pool="standard", minimum_score=50)]
    return create_virtual_model(by=COMMAND_LINE, name="auto-chat", tiers=tiers)


page = signed_in("bob")


def form(**more: Any) -> dict[str, Any]:
    """What the page posts for two tiers and the usual scoring."""
    tiers = {"tier0-pool": "mini", "tier1-pool": "standard", "tier1-minimum": "50"}
    words = {"simple_keywords": "hi, ls", "complex_keywords": "implement\ndebug"}
    return {"name": "auto-code", "is_active": "on", **tiers, **words, "save": "1", **more}


def test_the_list_shows_tiers_and_pools_in_the_same_queries_for_any_number_of_rows(
    page, chat, django_assert_num_queries
):
    html = html_of(page.get(AT))
    assert all(text in html for text in ("auto-chat", "below 50", "from 50", "mini", "standard"))
    with django_assert_num_queries(5):
        page.get(AT)


def test_an_empty_list_offers_the_usual_ones_and_makes_them(page, pools):
    assert "No virtual models yet" in html_of(page.get(AT))
    html = html_of(page.post(f"{AT}/templates", follow=True))
    assert "6 virtual models and 6 pools are added." in html
    assert VirtualModel.objects.filter(name="chat-auto").exists()


def test_without_any_model_the_usual_ones_say_what_is_missing(page, db):
    assert "Add a model to the catalog first" in html_of(page.post(f"{AT}/templates", follow=True))


def test_a_virtual_model_is_created_from_the_form(page, pools):
    answer = page.post(f"{AT}/new", form(complex_points="200", default_tier="0"))
    row = VirtualModel.objects.get(name="auto-code")
    assert answer.url == f"{AT}/{row.pk}"
    assert [(t.name, t.minimum_score, t.pool.name) for t in row.tiers.all()] == [
        ("simple", None, "mini"),
        ("complex", 50, "standard"),
    ]
    assert (row.default_tier, row.is_active, row.created_by) == ("simple", True, "bob")
    assert row.scoring["simple_keywords"] == ["hi", "ls"]
    assert row.scoring["complex_points"] == 200


def test_what_is_stored_comes_back_in_the_form_and_is_saved_unchanged(page, chat):
    html = html_of(page.get(f"{AT}/{chat.pk}/edit"))
    assert "Usual: 150" in html
    assert "ls, cat, hi, hello, test" in html
    third = {"tier2-pool": "heavy", "tier2-minimum": "200", "tier2-name": "expert"}
    page.post(f"{AT}/{chat.pk}/edit", form(name="auto-chat", etag=chat.etag, **third))
    chat.refresh_from_db()
    assert [t.name for t in chat.tiers.all()] == ["tier-1", "tier-2", "expert"]
    assert chat.default_tier == "expert"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": ""}, "clients send it as model"),
        ({"name": "mini"}, "A routing group of this name exists"),
        ({"name": "auto"}, "is the name of a power level"),
        ({"tier1-pool": ""}, "Give 2 to 5 tiers"),
        ({"tier1-minimum": ""}, "Give each tier another minimum_score"),
        ({"tier1-minimum": "high"}, "Enter a whole number"),
        ({"tier0-name": "x", "tier0-pool": ""}, "Choose the routing group that answers"),
        ({"most_length": "-1"}, "greater than or equal to 0"),
        ({"simple_keywords": "debug"}, "a keyword is either simple or complex"),
    ],
)
def test_what_makes_no_sense_is_said_beside_the_field_and_nothing_typed_is_lost(page, pools, wrong, why):
    answer = page.post(f"{AT}/new", form(description="typed with care", **wrong))
    assert answer.status_code == 422
    html = html_of(answer)
    assert why in html
    assert "typed with care" in html
    assert not VirtualModel.objects.exists()


def test_of_two_editors_the_second_is_asked(page, chat):
    etag = chat.etag
    update_virtual_model(by=COMMAND_LINE, virtual_model=chat, description="theirs")
    answer = page.post(f"{AT}/{chat.pk}/edit", form(name="auto-chat", description="mine", etag=etag))
    assert answer.status_code == 422
    assert "saved this virtual model while you edited it" in html_of(answer)
    current = VirtualModel.objects.get().etag
    page.post(f"{AT}/{chat.pk}/edit", form(name="auto-chat", description="mine", etag=etag, overwrite=current))
    assert VirtualModel.objects.get().description == "mine"


def test_one_is_switched_off_and_deleted_after_a_question(page, chat):
    page.post(f"{AT}/{chat.pk}/switch", {"is_active": "0"})
    assert not VirtualModel.objects.get().is_active
    assert "Delete auto-chat?" in html_of(page.post(f"{AT}/{chat.pk}/delete"))
    page.post(f"{AT}/{chat.pk}/delete", {"sure": "1"})
    assert not VirtualModel.objects.exists()


def test_one_that_an_alias_leads_to_stays(page, chat):
    RoutingRules.objects.create(pk=1, model_aliases={"fast": "auto-chat"})
    html = html_of(page.post(f"{AT}/{chat.pk}/delete", {"sure": "1"}, follow=True))
    assert "The aliases fast lead to" in html
    assert VirtualModel.objects.exists()


def test_viewers_look_and_strangers_do_not(client, charlie, dora, chat):
    client.force_login(charlie)
    assert "Edit auto-chat" not in html_of(client.get(AT))
    assert client.get(f"{AT}/new").status_code == 403
    for action in ("switch", "delete"):
        assert client.post(f"{AT}/{chat.pk}/{action}").status_code == 403
    client.force_login(dora)
    assert client.get(AT).status_code == 403


def test_only_what_changes_something_is_a_post(page, chat):
    assert page.get(f"{AT}/templates").status_code == 405
    assert page.get(f"{AT}/{chat.pk}/delete").status_code == 405
    assert page.post(AT).status_code == 405
