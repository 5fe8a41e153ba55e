"""The Django admin is read-only."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.urls import reverse

from access.actions import issue_key
from access.keys import COMMAND_LINE
from access.models import ApiKey, Role
from providers.models import ProviderKey
from tests.factories import make_group, make_model, make_provider, make_user

pytestmark = pytest.mark.django_db
KEY = "sk-or-v1-0123456789abcdef1234"
OURS = [model for model in admin.site._registry if model._meta.app_label in ("providers", "access", "groups", "usage")]


@pytest.fixture
def root(client):
    client.force_login(make_user("root", Role.ADMIN, is_staff=True))
    return client


@pytest.fixture
def rows(bob):
    make_group(models=[make_model(provider=make_provider(key=KEY))])
    return issue_key(by=COMMAND_LINE, owner=bob, name="ci")


def address(model, page: str, *args) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("model", OURS, ids=lambda m: m.__name__)
def test_admins_read_and_nobody_writes(root, rows, model):
    assert root.get(address(model, "changelist")).status_code == 200
    assert root.get(address(model, "add")).status_code == 403
    for row in model.objects.all()[:1]:
        page = address(model, "change", row.pk)
        assert root.get(page).status_code == 200
        assert root.post(page, {}).status_code == 403
        assert root.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", OURS, ids=lambda m: m.__name__)
def test_others_see_nothing(client, model):
    client.force_login(make_user("staff", Role.OPERATOR, is_staff=True))
    assert client.get(address(model, "changelist")).status_code == 403


def test_of_secrets_only_hints_are_shown(root, rows):
    row, key = rows
    stored = ProviderKey.objects.get()
    html = ""
    for model, pk in ((ApiKey, row.pk), (ProviderKey, stored.pk)):
        html += root.get(address(model, "changelist")).content.decode()
        html += root.get(address(model, "change", pk)).content.decode()
    assert stored.hint in html
    assert row.hint in html
    assert not [secret for secret in (KEY, key, row.hash, stored.ciphertext) if secret in html]
