"""A viewer, and runs to watch."""

from __future__ import annotations

import pytest

from access.models import User
from groups.models import RoutingGroup
from tester.models import Run, RunStatus
from tests.tester.live.page import Header, bearer_of
from tests.tester.live.runs import make_run


@pytest.fixture
def key(charlie: User) -> list[Header]:
    return bearer_of(charlie)


@pytest.fixture
def run(group: RoutingGroup) -> Run:
    """A run that has come to ten frames and goes on."""
    return make_run(group, frames=10)


@pytest.fixture
def done(group: RoutingGroup) -> Run:
    """A run of ten seconds that has ended."""
    return make_run(group, frames=41, status=RunStatus.DONE, result={"seed": 1, "total_requests": 120})
