"""Two people edit one group: the second to save sees both versions and chooses."""

from __future__ import annotations

import pytest

from groups.actions import delete_group, update_group
from groups.models import RoutingGroup
from providers.models import LanguageModel
from tests.factories import make_group, make_model, make_provider
from tests.page import html_of
from tests.pages.groups.test_builder_page import form

pytestmark = pytest.mark.django_db


@pytest.fixture
def models():
    return [make_model(provider=make_provider(name=name), name=f"{name.lower()}-chat") for name in ("Nebius", "Azure")]


@pytest.fixture
def group(models) -> RoutingGroup:
    return make_group(name="prod-chat", strategy="weighted", models=models, retry_config={"num_retries": 1})


@pytest.fixture
def send(client, bob, group, models):
    """Saves bob's form, opened at the first version, after alice has saved hers."""
    opened = group.etag
    client.force_login(bob)

    def post(**more):
        fields = {"etag": opened, "description": "Bob's", "num_retries": "1", **more}
        return client.post(f"/groups/{group.pk}/edit", form(*models, strategy="weighted", **fields))

    return post


def test_a_group_that_changed_is_not_overwritten(send, group, alice):
    update_group(by=alice, group=group, description="Alice's", retry_config={"num_retries": 5})
    answer = send()
    html = html_of(answer)
    assert answer.status_code == 422
    assert "alice saved this group while you edited it" in html
    conflict = answer.context["conflict"]
    shown = {line.label: (line.before, line.after) for line in conflict.lines}
    assert shown["Description"] == ("Alice's", "Bob's")
    assert ("5", "1") in shown.values()
    assert "Name" not in shown
    assert "Bob&#x27;s</textarea>" in html
    assert RoutingGroup.objects.get(pk=group.pk).description == "Alice's"


def test_mine_overwrites_theirs_only_when_it_is_said_and_only_the_version_seen(send, group, alice):
    update_group(by=alice, group=group, description="Alice's")
    seen = send().context["conflict"].group.etag
    update_group(by=alice, group=group, description="Alice's second")
    again = send(overwrite=seen)
    assert again.status_code == 422
    assert send(overwrite=again.context["conflict"].group.etag).status_code == 302
    assert RoutingGroup.objects.get(pk=group.pk).description == "Bob's"


def test_keeping_on_editing_asks_again(send, group, alice):
    update_group(by=alice, group=group, description="Alice's")
    assert send().status_code == 422
    assert send(description="Bob's second").status_code == 422


def test_without_a_version_nothing_is_overwritten(send, group):
    assert send(etag="").status_code == 422


def test_a_group_that_was_deleted_meanwhile_can_be_saved_as_a_new_one(send, client, group, models, alice):
    delete_group(by=alice, group=group)
    answer = send()
    html = html_of(answer)
    assert answer.status_code == 422
    assert "This group was deleted meanwhile" in html
    assert 'action="/groups/new"' in html
    assert "Bob&#x27;s</textarea>" in html
    assert client.post("/groups/new", form(*models)).status_code == 302


def test_a_model_that_went_meanwhile_is_said_at_its_row(send, group, models, alice):
    update_group(by=alice, group=group, description="Alice's")
    group.deployments.all().delete()
    LanguageModel.objects.filter(pk=models[1].pk).delete()
    answer = send()
    assert answer.status_code == 422
    assert "There is no model" in html_of(answer)
