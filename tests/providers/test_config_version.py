"""The number that tells every server process to look again."""

from __future__ import annotations

import pytest

from access import actions as access
from access.keys import COMMAND_LINE
from access.models import Role
from groups import actions as groups
from groups.deployments.placements import Placement
from providers import actions, config_version
from providers.models import ConfigVersion
from tests.factories import make_group, make_model, make_provider, make_user

pytestmark = pytest.mark.django_db
BY = COMMAND_LINE
CHANGES = {
    "a new provider": lambda: actions.create_provider(by=BY, type="openai", api_key="sk-0123456789abcdef"),
    "a changed provider": lambda: actions.update_provider(by=BY, provider=make_provider(), priority=1),
    "a deleted provider": lambda: actions.delete_provider(by=BY, provider=make_provider()),
    "a new model": lambda: actions.create_model(by=BY, provider=make_provider(), name="m"),
    "a changed model": lambda: actions.update_model(by=BY, model=make_model(), enabled=False),
    "accepted prices": lambda: actions.accept_catalog_updates(by=BY, ids=[make_model().id]),
    "declined prices": lambda: actions.decline_catalog_updates(by=BY, ids=[make_model().id]),
    "a deleted model": lambda: actions.delete_model(by=BY, model=make_model()),
    "rotated keys": actions.rotate_keys,
    "a new group": lambda: groups.create_group(
        by=BY, name="g", strategy="least-busy", deployments=[Placement(model_id=make_model().id)]
    ),
    "a changed group": lambda: groups.update_group(by=BY, group=make_group(models=[make_model()]), is_active=False),
    "a deleted group": lambda: groups.delete_group(by=BY, group=make_group()),
    "a new key": lambda: access.issue_key(by=BY, owner=make_user(), name="k"),
    "a revoked key": lambda: access.revoke_key(by=BY, key=access.issue_key(by=BY, owner=make_user(), name="k")[0]),
    "a new user": lambda: access.create_user(by=BY, username="u", role=Role.VIEWER, password="a long enough word"),
    "a new role": lambda: access.set_role(by=BY, user=make_user(), role=Role.ADMIN),
    "a deactivated user": lambda: access.set_active(by=BY, user=make_user(), is_active=False),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_change_of_what_is_served_counts(change):
    before = config_version.current()
    change()
    assert config_version.current() > before


def test_it_starts_without_a_row_and_counts_by_one():
    ConfigVersion.objects.all().delete()
    assert config_version.current() == 0
    config_version.bump()
    config_version.bump()
    assert config_version.current() == 2
    assert ConfigVersion.objects.count() == 1
