"""What the list of groups does to them: switch, delete, duplicate, many at once, and undo."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from access.actions import issue_key, revoke_key
from access.keys import COMMAND_LINE
from groups.models import RoutingGroup, UndoableChange
from providers import config_version
from tester.models import Run
from tests.factories import make_group, make_model
from tests.page import HTMX, html_of, signed_in
from tests.usage.log import finished, log

pytestmark = pytest.mark.django_db
desk = signed_in("bob")


def post(client, address: str, **fields) -> str:
    """The page one lands on."""
    answer = client.post(address, {"next": "/groups?sort=name", **fields}, follow=True)
    assert answer.status_code == 200
    return html_of(answer)


def undo(client) -> str:
    return post(client, f"/groups/undo/{UndoableChange.objects.latest('expires_at').pk}")


def names() -> list[str]:
    return list(RoutingGroup.objects.values_list("name", flat=True))


def test_a_switch_acts_at_once_and_comes_back_where_it_was(desk, bob):
    group = make_group(name="chat")
    before = config_version.current()
    assert "chat is inactive." in post(desk, f"/groups/{group.pk}/switch", is_active="0")
    group.refresh_from_db()
    assert (group.is_active, group.revision, group.updated_by) == (False, 2, bob.name)
    assert config_version.current() > before


def test_a_switch_can_be_undone(desk):
    group = make_group(name="chat")
    post(desk, f"/groups/{group.pk}/switch", is_active="0")
    assert "chat is as before." in undo(desk)
    group.refresh_from_db()
    assert group.is_active


def test_a_switch_to_what_it_is_offers_nothing_to_undo(desk):
    group = make_group()
    assert "/groups/undo/" not in post(desk, f"/groups/{group.pk}/switch", is_active="1")
    group.refresh_from_db()
    assert group.revision == 1


def test_a_deleted_group_comes_back_as_it_was(desk):
    group = make_group(name="chat", models=[make_model(), make_model()], retry_config={"num_retries": 7})
    RoutingGroup.objects.filter(pk=group.pk).update(revision=5, updated_at=timezone.now() - timedelta(days=3))
    before = RoutingGroup.objects.filter(pk=group.pk).values().get()
    placed = list(group.deployments.values())
    assert "chat is deleted." in post(desk, f"/groups/{group.pk}/delete")
    assert names() == []
    assert "chat is back." in undo(desk)
    assert RoutingGroup.objects.filter(pk=group.pk).values().get() == before
    assert list(group.deployments.values()) == placed


def test_what_pointed_at_a_deleted_group_points_at_it_again(desk):
    group = make_group()
    run = Run.objects.create(group=group, group_name=group.name, group_revision=1, scenario="s", config={}, seed=1)
    post(desk, f"/groups/{group.pk}/delete")
    undo(desk)
    run.refresh_from_db()
    assert run.group_id == group.pk


def test_several_are_switched_and_deleted_together_and_both_are_undone(desk):
    ids = [str(make_group(name=name, is_active=name != "c").pk) for name in "abc"]
    assert "3 groups are inactive." in post(desk, "/groups/bulk", ids=ids, do="deactivate")
    undo(desk)
    assert set(RoutingGroup.objects.routable().values_list("name", flat=True)) == {"a", "b"}
    assert "3 groups are deleted." in post(desk, "/groups/bulk", ids=ids, do="delete", sure="1")
    assert "3 groups are back." in undo(desk)
    assert names() == ["a", "b", "c"]


def test_deleting_several_asks_first_and_names_them(desk):
    ids = [str(make_group(name=name).pk) for name in ("first", "second")]
    html = html_of(desk.post("/groups/bulk", {"ids": ids, "do": "delete", "next": "/groups?q=s"}))
    assert "Delete 2 routing groups?" in html
    assert "<li>first</li><li>second</li>" in html
    assert 'name="next" value="/groups?q=s"' in html
    part = desk.post("/groups/bulk", {"ids": ids, "do": "delete"}, headers=HTMX)
    assert html_of(part).startswith("<dialog")
    assert part["HX-Retarget"] == "#dialogs"
    assert len(names()) == 2


def test_deleting_a_group_that_served_lately_asks_first_and_says_how_much_to_whom(desk):
    group = make_group(name="chat")
    keys = (*["web"] * 3, *["mobile"] * 2, "ci", "nightly", "")
    log(*(finished(model_group="chat", key_name=key, status=200) for key in keys), finished(model_group="other"))
    log(finished(model_group="chat", key_name="old", days_ago=0.05))
    html = post(desk, f"/groups/{group.pk}/delete")
    assert "Delete chat?" in html
    assert "<li>chat: 8 requests in the last hour, from the keys web, mobile, ci and 1 more</li>" in html
    assert names() == ["chat"]
    assert "chat is deleted." in post(desk, f"/groups/{group.pk}/delete", sure="1")
    assert "chat is back." in undo(desk)


def test_deleting_a_group_that_keys_name_asks_first_and_says_which(desk, bob):
    group = make_group(name="chat")
    for name, allowed in (("any", []), ("shop", ["chat", "other"]), ("gone", ["chat"])):
        key = issue_key(by=COMMAND_LINE, owner=bob, name=name, allowed_models=allowed)[0]
    revoke_key(by=COMMAND_LINE, key=key)
    html = post(desk, f"/groups/{group.pk}/delete")
    assert "<li>chat</li>" in html
    assert "API keys that name it among what they may call: shop. You can undo it" in html
    assert names() == ["chat"]


def test_groups_that_fall_back_to_each_other_go_and_come_back_together(desk):
    spare = make_group(name="spare")
    main = make_group(name="main", fallback_config={"fallback_groups": ["spare"]})
    assert "is a fallback of main" in post(desk, f"/groups/{spare.pk}/delete")
    post(desk, "/groups/bulk", ids=[str(spare.pk), str(main.pk)], do="delete", sure="1")
    assert names() == []
    undo(desk)
    assert names() == ["main", "spare"]


def test_a_group_whose_fallback_went_meanwhile_says_why_it_cannot_come_back(desk):
    spare = make_group(name="spare")
    main = make_group(name="main", fallback_config={"fallback_groups": ["spare"]})
    post(desk, f"/groups/{main.pk}/delete")
    spare.delete()
    assert "There is no routing group named spare" in undo(desk)
    assert names() == []


def test_a_name_that_was_taken_meanwhile_is_said(desk):
    group = make_group(name="chat")
    post(desk, f"/groups/{group.pk}/delete")
    taker = make_group(name="chat")
    assert "The name chat was taken in the meantime." in undo(desk)
    taker.delete()
    assert "chat is back." in undo(desk)


def test_a_model_that_left_the_catalog_is_said(desk):
    model = make_model()
    group = make_group(models=[model])
    post(desk, f"/groups/{group.pk}/delete")
    model.delete()
    assert "no longer in the catalog" in undo(desk)


def test_undo_ends_in_time_and_belongs_to_one_person(client, desk, alice, bob):
    group = make_group()
    post(desk, f"/groups/{group.pk}/delete")
    client.force_login(alice)
    assert "too late to undo" in undo(client)
    client.force_login(bob)
    UndoableChange.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "too late to undo" in undo(client)
    assert "too late to undo" in post(client, f"/groups/undo/{uuid4()}")
    assert names() == []


def test_what_can_no_longer_be_undone_is_forgotten(desk):
    for group in (make_group(), make_group()):
        post(desk, f"/groups/{group.pk}/delete")
        UndoableChange.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert UndoableChange.objects.count() == 1


def test_a_copy_differs_in_its_name_only(desk):
    group = make_group(name="chat", models=[make_model(), make_model()], assigned_team_ids=["red"], is_active=False)
    assert "chat is copied to chat-copy." in post(desk, f"/groups/{group.pk}/duplicate")
    assert "chat is copied to chat-copy-2." in post(desk, f"/groups/{group.pk}/duplicate")
    copy = RoutingGroup.objects.get(name="chat-copy")
    assert (copy.assigned_team_ids, copy.is_active, copy.revision) == (["red"], False, 1)
    fields = ("model_id", "position", "priority", "weight")
    assert list(copy.deployments.values(*fields)) == list(group.deployments.values(*fields))


def test_the_copy_of_the_longest_name_still_fits(desk):
    group = make_group(name="n" * 128, models=[make_model()])
    post(desk, f"/groups/{group.pk}/duplicate")
    assert max(len(name) for name in names()) == 128
    assert len(names()) == 2


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"do": "delete"}, "Tick the groups first."),
        ({"do": "explode"}, "not one of the available choices"),
        ({"ids": ["x"], "do": "delete"}, "is not a valid UUID"),
        ({"ids": [str(uuid4())], "do": "delete"}, "One of these groups is gone"),
    ],
)
def test_a_bulk_change_that_makes_no_sense_says_so(desk, fields, why):
    make_group()
    assert why in post(desk, "/groups/bulk", **fields)
    assert len(names()) == 1


def test_htmx_gets_the_rows_and_the_toast(desk):
    group = make_group(name="chat")
    answer = desk.post(f"/groups/{group.pk}/delete", {"next": "/groups"}, follow=True, headers=HTMX)
    html = html_of(answer)
    assert html.strip().startswith('<div id="group-rows">')
    assert 'hx-swap-oob="beforeend:#toasts"' in html
    assert "chat is deleted." in html


def test_the_way_back_is_never_another_site(desk):
    group = make_group()
    answer = desk.post(f"/groups/{group.pk}/switch", {"is_active": "0", "next": "https://evil.example/"})
    assert answer["Location"] == "/"


@pytest.mark.parametrize("verb", ["switch", "delete", "duplicate"])
def test_viewers_strangers_and_gets_are_refused(client, bob, charlie, dora, verb):
    group = make_group()
    addresses = [f"/groups/{group.pk}/{verb}", "/groups/bulk", f"/groups/undo/{uuid4()}"]
    for person, status in ((charlie, 403), (dora, 403)):
        client.force_login(person)
        assert [client.post(address).status_code for address in addresses] == [status] * 3
    client.force_login(bob)
    assert [client.get(address).status_code for address in addresses] == [405] * 3
    assert client.post(f"/groups/{uuid4()}/{verb}").status_code == 404
    assert names() == [group.name]
