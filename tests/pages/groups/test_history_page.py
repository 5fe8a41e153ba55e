"""The history of a group: every saved version, and going back."""

from __future__ import annotations

import pytest
from django.test import Client

from groups import actions
from groups.deployments.placements import Placement
from groups.models import RoutingGroup
from groups.versions import history
from tests.factories import make_group, make_model, make_provider
from tests.page import html_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def group(bob) -> RoutingGroup:
    """Two deployments, created through the action."""
    models = [make_model(provider=make_provider(name=name), name="m") for name in "AB"]
    placements = [Placement(model_id=model.pk, priority=n) for n, model in enumerate(models, start=1)]
    return actions.create_group(by=bob, name="chat", strategy="priority-failover", deployments=placements)


def versions(group: RoutingGroup) -> list[history.Version]:
    return history.versions(history.entries_of(group.pk))


def restore(client: Client, group: RoutingGroup, version: history.Version):
    return client.post(f"/groups/{group.pk}/history/{version.entry_id}/restore")


def test_each_change_is_a_version_with_who_and_what(client, alice, charlie, group):
    actions.update_group(by=alice, group=group, retry_config={"num_retries": 5}, description="For chats")
    newest, first = versions(group)
    assert (newest.revision, newest.by, first.verb, first.by) == (2, "alice", "created", "bob")
    assert [(line.label, line.before, line.after) for line in newest.lines] == [
        ("Description", "none", "For chats"),
        ("Retries when nobody else can be asked", "default", "5"),
    ]
    client.force_login(charlie)
    html = html_of(client.get(f"/groups/{group.pk}/history"))
    assert "by alice" in html
    assert "Restore" not in html


def test_restoring_makes_the_group_what_it_was_as_a_new_revision(client, bob, group):
    placements = [Placement(model_id=row.model_id, weight=n) for n, row in enumerate(group.deployments.all(), 1)]
    actions.update_group(by=bob, group=group, name="talk", strategy="weighted", deployments=placements)
    client.force_login(bob)
    assert restore(client, group, versions(group)[-1]).url == f"/groups/{group.pk}/history"
    group.refresh_from_db()
    assert (group.name, group.strategy, group.revision) == ("chat", "priority-failover", 3)
    assert [row.priority for row in group.deployments.all()] == [1, 2]
    assert versions(group)[0].restored == 1


def test_a_version_whose_model_has_gone_is_not_restored_and_says_which(client, bob, group):
    gone = group.deployments.all()[1].model
    kept = [Placement(model_id=group.deployments.all()[0].model_id, priority=1)]
    actions.update_group(by=bob, group=group, deployments=kept)
    gone.delete()
    client.force_login(bob)
    answer = restore(client, group, versions(group)[-1])
    assert answer.status_code == 422
    assert "There is no model &#x27;m&#x27; of provider &#x27;B&#x27;" in html_of(answer)


def test_a_model_that_was_made_again_is_found_by_its_names(bob, group):
    old = group.deployments.all()[1].model
    provider, created = old.provider, versions(group)[-1]
    actions.update_group(
        by=bob, group=group, deployments=[Placement(model_id=group.deployments.all()[0].model_id, priority=1)]
    )
    old.delete()
    again = make_model(provider=provider, name="m")
    restored = actions.restore_version(by=bob, group=group, version=created)
    assert restored.deployments.all()[1].model_id == again.pk


def test_a_group_from_before_versions_keeps_what_it_was(bob):
    group = make_group(models=[make_model()], name="old")
    actions.update_group(by=bob, group=group, name="new")
    newest, first = versions(group)
    assert (first.revision, first.by, first.snapshot["name"]) == (1, "test", "old")
    assert [line.label for line in newest.lines] == ["Name"]


def test_a_rename_is_in_the_history_of_those_that_fall_back_to_it(bob, group):
    other = make_group(models=[make_model()], fallback_config={"fallback_groups": ["chat"]})
    actions.update_group(by=bob, group=group, name="talk")
    line = versions(other)[0].lines[0]
    assert (line.label, line.before, line.after) == ("When all fails", "chat", "talk")


def test_the_last_version_of_a_deleted_group_stays(bob, group):
    actions.delete_group(by=bob, group=group)
    last = versions(group)[0]
    assert (last.verb, last.snapshot["name"]) == ("deleted", "chat")


def test_viewers_and_strangers_restore_nothing(client, charlie, dora, group):
    for person in (charlie, dora):
        client.force_login(person)
        assert restore(client, group, versions(group)[0]).status_code == 403
    assert client.get(f"/groups/{group.pk}/history/{versions(group)[0].entry_id}/restore").status_code == 405


def test_another_groups_version_is_not_found(client, bob, group):
    other = make_group(models=[make_model()])
    client.force_login(bob)
    assert restore(client, other, versions(group)[0]).status_code == 404


def test_the_page_takes_few_queries_however_long_the_history(
    client, charlie, bob, group, django_assert_max_num_queries
):
    for n in range(30):
        actions.update_group(by=bob, group=group, description=f"the {n}th")
    client.force_login(charlie)
    with django_assert_max_num_queries(12):
        html = html_of(client.get(f"/groups/{group.pk}/history"))
    assert "1–20 of 31" in html
