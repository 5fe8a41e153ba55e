"""Wrong keys: who sends too many is heard no more, and nobody else suffers for it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from rest_framework.test import APIClient

from access import authentication, throttling
from access.keys import KeyHolder, hash_key
from access.models import Role
from access.throttling import WINDOW_S, FailedKeys
from gateway.admission import key_rights
from gateway.admission.key_rights import authenticate
from gateway.doors.incoming import incoming
from gateway.doors.paths import way_of
from gateway.live import Live
from gateway.openai import ApiError

URL = "/api/v1/llm/providers"


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(settings) -> Clock:
    settings.FAILED_KEYS_PER_MINUTE = 3
    return Clock()


@pytest.fixture
def failed(clock: Clock, monkeypatch) -> FailedKeys:
    """Those that REST and gateway count."""
    fresh = FailedKeys(clock)
    for module in (authentication, key_rights, throttling):
        monkeypatch.setattr(module, "failed_keys", fresh)
    return fresh


def test_after_too_many_an_address_waits_until_the_minute_is_over(clock: Clock, failed: FailedKeys):
    for _ in range(3):
        assert failed.bars_for_s("198.51.100.1") == 0
        failed.failed("198.51.100.1")
    clock.now += 20
    assert failed.bars_for_s("198.51.100.1") == WINDOW_S - 20
    assert failed.bars_for_s("198.51.100.2") == 0
    clock.now += WINDOW_S
    assert failed.bars_for_s("198.51.100.1") == 0


def test_without_a_limit_nobody_waits(failed: FailedKeys, settings):
    settings.FAILED_KEYS_PER_MINUTE = 0
    for _ in range(9):
        failed.failed("198.51.100.1")
    assert failed.bars_for_s("198.51.100.1") == 0


@pytest.mark.django_db
def test_rest_refuses_further_keys_unseen_but_not_one_that_is_good(as_alice: APIClient, failed: FailedKeys):
    assert as_alice.get(URL).status_code == 200
    stranger = APIClient(headers={"Authorization": "Bearer sk-rc-guess"})
    assert [stranger.get(URL).status_code for _ in range(4)] == [401, 401, 401, 429]
    refused = stranger.get(URL)
    assert (int(refused.headers["Retry-After"]), "wrong keys" in refused.json()["detail"]) == (60, True)
    assert as_alice.get(URL).status_code == 200


def test_processes_tell_each_other_and_each_bars_for_what_all_of_them_saw(clock: Clock, failed: FailedKeys):
    other = FailedKeys(clock)
    failed.tell, other.tell = other.heard, failed.heard
    for one in (failed, other, failed):
        assert failed.bars_for_s("198.51.100.1") == other.bars_for_s("198.51.100.1") == 0
        one.failed("198.51.100.1")
    assert failed.bars_for_s("198.51.100.1") == other.bars_for_s("198.51.100.1") == WINDOW_S
    assert other.bars_for_s("198.51.100.2") == 0


@pytest.mark.django_db
def test_a_good_key_that_this_process_has_never_seen_is_not_refused_for_what_others_saw(as_alice, failed: FailedKeys):
    failed.heard("127.0.0.1", 3)
    assert as_alice.get(URL).status_code == 429
    failed.knows = lambda hashed: True
    assert as_alice.get(URL).status_code == 200


@pytest.mark.django_db
def test_an_invented_forwarded_address_is_no_way_round(failed: FailedKeys):
    statuses = []
    for number in range(5):
        headers = {"Authorization": "Bearer sk-rc-guess", "X-Forwarded-For": f"198.51.100.{number}"}
        statuses.append(APIClient(headers=headers).get(URL).status_code)
    assert statuses == [401, 401, 401, 429, 429]


@pytest.mark.django_db(transaction=True)
async def test_the_gateway_counts_them_too_and_asks_no_database_about_more(failed: FailedKeys, settings):
    asked = 0

    async def in_database_thread(work):
        nonlocal asked
        asked += 1
        return 0

    live = Live(in_database_thread)
    live.config.holders[hash_key("sk-rc-good")] = KeyHolder("dora", Role.VIEWER, key_id="one")
    live._first_load_ended.set()
    object.__setattr__(live.config, "version", 0)
    request = incoming(way_of("/v1/chat/completions", "POST"), "/v1/chat/completions", [], peer="198.51.100.1")
    codes = []
    for _ in range(5):
        with pytest.raises(ApiError) as caught:
            await authenticate(live, "sk-rc-guess", request)
        codes.append(caught.value.status)
    assert codes == [401, 401, 401, 429, 429]
    assert asked == 3
    assert (await authenticate(live, "sk-rc-good", request)).name == "dora"
