"""Runs in the Django admin: admins look, nobody changes."""

from __future__ import annotations

import pytest
from django.urls import reverse

from access.models import Role
from tester.models import Run
from tests.factories import make_user


@pytest.mark.parametrize(("role", "status"), [(Role.ADMIN, 200), (Role.OPERATOR, 403)])
def test_only_admins_see_runs(client, group, role, status):
    run = Run.objects.create(group=group, group_name="g", group_revision=1, scenario="s", seed=1, created_by="bob")
    client.force_login(make_user("root", role, is_staff=True))
    pages = [reverse("admin:tester_run_changelist"), reverse("admin:tester_run_change", args=[run.pk])]
    assert [client.get(page).status_code for page in pages] == [status, status]
    assert client.get(reverse("admin:tester_run_add")).status_code == 403
