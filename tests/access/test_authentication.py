"""Bearer keys at the REST API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from access.actions import issue_key, revoke_key
from access.keys import COMMAND_LINE
from access.models import ApiKey

pytestmark = pytest.mark.django_db
URLS = ["/v1/routing_group", "/api/v1/llm/providers", "/api/v1/llm/models"]


def status(header: str | None, url: str = URLS[0]) -> int:
    headers = {} if header is None else {"Authorization": header}
    answer = APIClient(headers=headers).get(url)
    assert answer.status_code == 200 or list(answer.json()) == ["detail"]
    return answer.status_code


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer sk-rc-wrong", "Basic YTpi", "Bearer é", "x" * 9000]
)
def test_without_a_valid_key_it_is_401(url, header):
    assert status(header, url) == 401


def test_the_master_key_has_every_right(settings):
    settings.MASTER_KEY = "sk-rc-master-of-this-test"
    client = APIClient(headers={"Authorization": f"bearer {settings.MASTER_KEY}"})
    body = {"type": "openai", "api_key": "sk-0123456789abcdef"}
    assert client.post("/api/v1/llm/providers", body).json()["provider"]["created_by"] == "master-key"


def test_revoked_and_expired_keys_and_keys_of_the_departed_are_401(bob):
    row, key = issue_key(by=COMMAND_LINE, owner=bob, name="a")
    assert status(f"Bearer {key}") == 200
    revoke_key(by=COMMAND_LINE, key=row)
    ending, expired = issue_key(by=COMMAND_LINE, owner=bob, name="b")
    ApiKey.objects.filter(pk=ending.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    _, orphan = issue_key(by=COMMAND_LINE, owner=bob, name="c")
    bob.is_active = False
    bob.save()
    assert [status(f"Bearer {k}") for k in (key, expired, orphan)] == [401, 401, 401]


def test_401_says_how_to_do_it():
    answer = APIClient().get(URLS[0])
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("scopes", "statuses"), [(["call"], (403, 403)), (["read"], (200, 403)), (["write"], (403, 201))]
)
def test_a_key_does_what_its_scopes_say_and_is_told_which_one_it_lacks(alice, scopes, statuses):
    _, key = issue_key(by=COMMAND_LINE, owner=alice, name="a", scopes=scopes)
    client = APIClient(headers={"Authorization": f"Bearer {key}"})
    answers = (client.get("/api/v1/llm/teams"), client.post("/api/v1/llm/teams", {"name": "red"}))
    assert tuple(answer.status_code for answer in answers) == statuses
    for answer, scope in zip(answers, ("read", "write"), strict=True):
        assert answer.status_code != 403 or f"the scope '{scope}'" in answer.json()["detail"]


def test_people_who_signed_in_are_not_limited_by_scopes(client, charlie):
    client.force_login(charlie)
    assert client.get("/api/v1/llm/teams").status_code == 200
