"""Groups that had set a timeout keep it as the wait for a stream's first token."""

from importlib import import_module

import pytest
from django.apps import apps

from groups.models import RoutingGroup
from tests.factories import make_group

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"num_retries": 1}, {"num_retries": 1}),
        ({"timeout_s": 60}, {"timeout_s": 60, "first_token_timeout_s": 60}),
        ({"timeout_s": 15.5}, {"timeout_s": 15.5, "first_token_timeout_s": 15.5}),
        ({"timeout_s": 9}, {"timeout_s": 9}),
        ({"timeout_s": 60, "first_token_timeout_s": 3}, {"timeout_s": 60, "first_token_timeout_s": 3}),
        ({"timeout_s": "soon"}, {"timeout_s": "soon"}),
        ([], []),
    ],
)
def test_what_a_group_has_set_keeps_its_meaning(before, after):
    make_group(name="chat", retry_config=before)
    import_module("groups.migrations.0006_keep_the_wait_for_a_first_token").keep(apps, None)
    assert RoutingGroup.objects.get().retry_config == after
