"""The cast (alice is admin, bob operator, charlie viewer, dora a stranger) and their API clients."""

from __future__ import annotations

import ast
import os
import ssl
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import pytest
from django.db import connection
from hypothesis import settings as hypothesis_settings
from rest_framework.test import APIClient

from access.actions import issue_key
from access.keys import COMMAND_LINE
from access.models import Role, User
from engine import addresses
from tests import databases, factories, parsing
from tests.factories import make_model
from tests.factories import make_user as made
from tests.fakes import ScriptedUpstream
from tests.sharing import (  # noqa: F401  (pytest finds its hooks here)
    HASH_SEED,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_make_parametrize_id,
    pytest_runtest_setup,
)
from usage.health import latency
from usage.request_log.recorder import recorder

# Reading the certificates takes 40 ms of CPU, for each client that a test makes.
ssl.create_default_context = cache(ssl.create_default_context)  # type: ignore[assignment]

ast.parse = parsing.uninterrupted  # type: ignore[assignment]

# As many examples as usual, the same ones every time, however busy the machine is.
hypothesis_settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis_settings.load_profile("suite")


@pytest.fixture(autouse=True, scope="session")
def _children_run_as_the_product_does() -> None:
    """Not with the settings and the hash seed of the tests, which are in force here already."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "routing_console.settings"
    os.environ.pop(HASH_SEED, None)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """The tables of tests without a server are copied from the template too."""
    if databases.is_postgres():
        connection.settings_dict["TEST"]["TEMPLATE"] = databases.postgres_template()
        yield
    else:
        with databases.filled_in_memory(cast(Any, connection.creation)._get_test_db_name()):
            yield


@pytest.fixture(autouse=True, scope="session")
def _servers_of_tests_may_be_called() -> None:
    """They are on this machine. Tests of the address policy adopt another."""
    addresses.adopt(addresses.AddressPolicy(allows_private=True))


@pytest.fixture(autouse=True)
def _the_same_names_and_ids_every_time() -> None:
    factories.start_over()


@pytest.fixture(autouse=True)
def _no_profiles_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its deployments and requests may have the same names."""
    monkeypatch.setattr(latency, "FITS", latency.Fits())


@pytest.fixture(autouse=True)
def _no_requests_of_another_test() -> Iterator[None]:
    """Where nobody has written them, they would be in the log of the next test that does."""
    yield
    recorder._pending.clear()


@pytest.fixture
def alice(db: None) -> User:
    return made("alice", Role.ADMIN)


@pytest.fixture
def bob(db: None) -> User:
    return made("bob", Role.OPERATOR)


@pytest.fixture
def charlie(db: None) -> User:
    return made("charlie", Role.VIEWER)


@pytest.fixture
def dora(db: None) -> User:
    return made("dora", Role.STRANGER)


def api_of(user: User) -> APIClient:
    """A client that presents a fresh key of this person."""
    _, key = issue_key(by=COMMAND_LINE, owner=user, name="test")
    return APIClient(headers={"Authorization": f"Bearer {key}"})


@pytest.fixture
def as_alice(alice: User) -> APIClient:
    return api_of(alice)


@pytest.fixture
def as_bob(bob: User) -> APIClient:
    return api_of(bob)


@pytest.fixture
def as_charlie(charlie: User) -> APIClient:
    return api_of(charlie)


@pytest.fixture
def as_dora(dora: User) -> APIClient:
    return api_of(dora)


@pytest.fixture
def as_nobody(db: None) -> APIClient:
    return APIClient()


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    """A server of an upstream that answers what its script says."""
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture
def two_models(db: None) -> list[dict[str, Any]]:
    """Two deployments as in a request, for any strategy."""
    return [{"model_id": str(make_model().id), "priority": n, "weight": 50} for n in (1, 2)]
