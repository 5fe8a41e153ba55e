"""Who owns which stored response: read by its owner alone, and no longer than the setting says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from access.keys import MASTER, KeyHolder
from access.models import Role
from usage import stored_responses
from usage.models import StoredItem, StoredResponse
from usage.request_log.retention import purge
from usage.stored_responses import find, holders_of, keep, key_of

pytestmark = pytest.mark.django_db
ANN = KeyHolder("ann", Role.VIEWER, key_id="k1", first_key_id="k1", team_id="red")
BEN = KeyHolder("ben", Role.VIEWER, key_id="k2", first_key_id="k2")


def kept(response_id: str = "resp_1", owner: KeyHolder = ANN, **fields: Any) -> StoredResponse:
    usual = {"provider_id": "p", "deployment_id": "d", "created_at": timezone.now(), **fields}
    row = StoredResponse(response_id=response_id, owner_key=owner.first_key_id, team_id=owner.team_id, **usual)
    row.key = key_of(row.provider_id, response_id)
    return row


def test_its_owner_alone_finds_it():
    keep([(kept(), ["msg_1"])])
    assert find(ANN, "resp_1") is not None
    assert [*holders_of(ANN, ["msg_1", "msg_2"])] == ["msg_1"]
    for other in (BEN, MASTER, replace(ANN, team_id=""), replace(ANN, team_id="blue"), replace(BEN, team_id="red")):
        assert find(other, "resp_1") is None
        assert holders_of(other, ["msg_1"]) == {}


def test_the_master_key_owns_what_it_made_and_nothing_else():
    keep([(kept(owner=MASTER), [])])
    assert find(MASTER, "resp_1") is not None
    assert find(ANN, "resp_1") is None


def test_a_key_in_place_of_another_finds_what_both_have_made():
    keep([(kept(), [])])
    assert find(replace(ANN, key_id="k9"), "resp_1") is not None


def test_it_is_written_again_with_its_items():
    keep([(kept(), [])])
    keep([(kept(), ["msg_1", "rs_1"])])
    keep([(kept(), ["msg_1", "rs_1"])])
    assert (StoredResponse.objects.count(), StoredItem.objects.count()) == (1, 2)


def test_an_id_that_a_provider_gives_again_belongs_to_the_last_one():
    keep([(kept(), ["msg_1"]), (kept(owner=BEN), ["msg_1"])])
    assert (find(ANN, "resp_1"), find(BEN, "resp_1") is not None) == (None, True)
    assert (holders_of(ANN, ["msg_1"]), [*holders_of(BEN, ["msg_1"])]) == ({}, ["msg_1"])


def test_two_providers_may_give_the_same_id():
    keep([(kept(), []), (kept(owner=BEN, provider_id="q"), [])])
    assert find(ANN, "resp_1") is not None
    assert find(BEN, "resp_1") is not None


@pytest.mark.django_db(transaction=True)  # retention closes the connection
def test_nobody_finds_what_is_too_old_and_it_is_deleted_with_the_log(settings, monkeypatch):
    monkeypatch.setattr(stored_responses, "ROWS_AT_ONCE", 2)
    settings.STORED_RESPONSES_DAYS = 1
    old = timezone.now() - timedelta(days=2)
    keep((kept(f"resp_{n}", created_at=old), [f"msg_{n}"]) for n in range(5))
    keep([(kept("resp_new"), ["msg_new"])])
    assert find(ANN, "resp_0") is None
    purge()
    assert [row.response_id for row in StoredResponse.objects.all()] == ["resp_new"]
    assert [row.item_id for row in StoredItem.objects.all()] == ["msg_new"]


def test_what_is_forgotten_takes_its_items_along():
    keep([(kept(), ["msg_1"])])
    row = find(ANN, "resp_1")
    assert row is not None
    stored_responses.forget(row)
    assert (StoredResponse.objects.count(), StoredItem.objects.count()) == (0, 0)
