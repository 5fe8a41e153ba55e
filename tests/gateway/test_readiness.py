"""Who is asked what: a balancer whether requests are served, an operator whether the console works too."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from cryptography.fernet import Fernet
from django.db import OperationalError

from gateway.admission.key_rights import authenticate
from gateway.asgi import console_readiness, readiness
from gateway.background.shutdown import ending
from gateway.live import Live
from gateway.openai import ApiError
from providers import config_version
from providers.exceptions import WrongEncryptionKeys
from usage.health.processes import processes_now

pytestmark = pytest.mark.django_db(transaction=True)


class Database:
    """The gateway's way to the database, which can be cut."""

    is_away = False

    async def __call__(self, work: Callable[[], Any]) -> Any:
        if self.is_away:
            raise OperationalError("the server closed the connection, and other words of a driver")
        return await sync_to_async(work, thread_sensitive=True)()


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def serving(database: Database) -> Live:
    return Live(database)


async def test_nothing_is_served_before_a_configuration_is_loaded(serving: Live):
    status, body = await readiness(serving)
    assert (status, json.loads(body)["status"]) == (503, "unavailable")
    assert "not loaded yet" in json.loads(body)["failing"]["configuration"]


async def test_requests_are_served_while_the_database_is_away(serving: Live, database: Database):
    await serving.refresh()
    database.is_away = True
    assert (await readiness(serving))[0] == 200


async def test_a_process_that_stops_is_not_ready_while_it_still_serves(serving: Live, monkeypatch: pytest.MonkeyPatch):
    await serving.refresh()
    monkeypatch.setattr(ending, "is_near", True)
    status, body = await readiness(serving)
    assert (status, json.loads(body)["failing"]) == (503, {"process": "is stopping"})


async def test_the_console_says_that_its_database_is_away_and_not_in_a_drivers_words(serving: Live, database: Database):
    await serving.refresh()
    assert (await console_readiness(serving))[0] == 200
    database.is_away = True
    status, body = await console_readiness(serving)
    assert (status, json.loads(body)["failing"]) == (503, {"database": "OperationalError"})


async def test_the_console_is_ready_again_with_its_database(serving: Live, database: Database):
    database.is_away = True
    assert (await console_readiness(serving))[0] == 503
    database.is_away = False
    assert (await console_readiness(serving))[0] == 200


async def test_a_process_with_other_encryption_keys_serves_nothing_until_it_has_the_right_ones(serving: Live, settings):
    right, other = settings.ENCRYPTION_KEYS, [Fernet.generate_key().decode()]
    await serving.refresh()
    settings.ENCRYPTION_KEYS = other
    await sync_to_async(config_version.bump)()
    with pytest.raises(WrongEncryptionKeys):
        await serving.refresh()
    status, body = await readiness(serving)
    assert status == 503
    assert "put the old key back" in json.loads(body)["failing"]["configuration"]
    with pytest.raises(ApiError, match="serves nothing") as caught:
        await authenticate(serving, settings.MASTER_KEY)
    assert (caught.value.status, caught.value.code) == (503, "not_ready")
    await serving.presence.say()
    assert "can't read the stored API keys" in (await sync_to_async(processes_now)()).trouble
    settings.ENCRYPTION_KEYS = right
    await serving.refresh()
    assert (await readiness(serving))[0] == 200
    await serving.presence.say()
    assert "API keys" not in (await sync_to_async(processes_now)()).trouble
