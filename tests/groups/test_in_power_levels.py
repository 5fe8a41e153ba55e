"""The groups that `auto` and the power levels may choose: those that were added."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from access.keys import COMMAND_LINE
from groups.actions import duplicate_group, restore_version, update_group
from groups.models import RoutingGroup
from groups.versions import history
from groups.versions.effective import sections_of
from groups.versions.snapshots import fields_of
from tests.factories import make_group, make_model

pytestmark = pytest.mark.django_db
LET_IN = {"in_power_levels": True}


def names() -> set[str]:
    return set(RoutingGroup.objects.routable().in_power_levels().values_list("name", flat=True))


def test_a_group_is_out_until_somebody_lets_it_in():
    group = make_group(name="prod", models=[make_model()])
    assert names() == set()
    update_group(by=COMMAND_LINE, group=group, settings=LET_IN)
    assert names() == {"prod"}
    update_group(by=COMMAND_LINE, group=group, settings={"in_power_levels": False})
    assert names() == set()


def test_a_copy_of_a_group_is_out():
    copy = duplicate_group(by=COMMAND_LINE, group=make_group(name="prod", models=[make_model()], settings=LET_IN))
    assert copy.settings == {}


def test_a_version_with_a_setting_that_nobody_reads_any_more_can_be_restored():
    assert fields_of({"settings": {"ours": 1, **LET_IN}}) == {"settings": LET_IN}


def test_groups_that_were_active_before_the_setting_came_stay_in():
    make_group(name="active", settings={"ours": 1})
    make_group(name="off", is_active=False)
    import_module("groups.migrations.0005_keep_groups_in_power_levels").keep(apps, None)
    stored = dict(RoutingGroup.objects.values_list("name", "settings"))
    assert stored == {"active": LET_IN, "off": {}}


def test_the_settings_in_effect_say_it():
    lines = {setting.label: setting.value for section in sections_of(RoutingGroup()) for setting in section.settings}
    assert lines["May be chosen for auto and the power levels"] == "no"


def test_a_version_from_before_the_setting_leaves_it_alone():
    group = make_group(name="prod", models=[make_model()])
    update_group(by=COMMAND_LINE, group=group, description="new", settings=LET_IN)
    first = history.versions(history.entries_of(group.pk))[-1]
    restored = restore_version(by=COMMAND_LINE, group=group, version=first)
    assert (restored.description, restored.settings) == ("", LET_IN)
