"""The thread in which the gateway reads and writes its database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.db import connection, connections
from structlog.contextvars import bind_contextvars, bound_contextvars, get_contextvars

from gateway.background.database_thread import in_database_thread
from providers import config_version

pytestmark = pytest.mark.django_db(transaction=True)
ON_POSTGRESQL = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite in memory can't be closed or lost")


class LostItError(Exception):
    """The work has failed."""


@pytest.fixture(autouse=True)
async def clean_up() -> AsyncIterator[None]:
    yield
    await in_database_thread(connections.close_all)


def _look() -> object:
    config_version.current()
    return connection.connection


def _fail() -> None:
    config_version.current()
    raise LostItError


def _cut() -> object:
    """The connection is gone, and nobody says so."""
    before = _look()
    connection.connection.close()
    return before


async def test_a_look_at_the_database_uses_the_connection_of_the_one_before():
    assert await in_database_thread(_look) is await in_database_thread(_look)


@ON_POSTGRESQL
async def test_work_that_failed_leaves_no_connection_behind():
    before = await in_database_thread(_look)
    with pytest.raises(LostItError):
        await in_database_thread(_fail)
    assert await in_database_thread(_look) is not before


@ON_POSTGRESQL
async def test_a_connection_that_was_lost_is_replaced_before_it_is_used():
    before = await in_database_thread(_cut)
    assert await in_database_thread(_look) is not before


async def test_what_is_logged_there_has_the_call_id_of_the_request_that_it_belongs_to():
    async def asked(call_id: str) -> str:
        with bound_contextvars(call_id=call_id):
            found: dict[str, Any] = await in_database_thread(get_contextvars)
            return str(found["call_id"])

    assert await asyncio.gather(*(asked(name) for name in "abc")) == ["a", "b", "c"]
    assert "call_id" not in await in_database_thread(get_contextvars)


async def test_what_the_work_binds_stays_its_own():
    await in_database_thread(lambda: bind_contextvars(call_id="a"))
    assert "call_id" not in get_contextvars()
    assert "call_id" not in await in_database_thread(get_contextvars)
