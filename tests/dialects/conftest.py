"""One scripted server for all questions to all dialects of a module, forgetful between them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from engine.upstreams.connections import close_session
from tests.fakes import ScriptedUpstream


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream
        await close_session()


@pytest.fixture
def server(running: ScriptedUpstream) -> ScriptedUpstream:
    running.forget()
    return running
