"""Asks the status pages of providers again from time to time, if that is switched on."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog
from django.db import connections

from access.keys import KeyHolder
from access.models import Role
from engine.exceptions import BadInput
from gateway.background.periodic import run_every
from providers.status_pages import actions

log = structlog.get_logger(__name__)

TICK_S = 30.0
THIS = KeyHolder(name="background", effective_role=Role.ADMIN)


async def follow_status_pages(*, interval_s: float) -> None:
    """Asks the pages that are due until cancelled, each by one process; returns at once when that is off."""
    if interval_s > 0:
        work = partial(asyncio.to_thread, partial(look, interval_s=interval_s))
        await run_every(work, every_s=min(TICK_S, interval_s), failing="status pages not read")


def look(*, interval_s: float) -> None:
    """Asks the pages that are due once, one after the other; a page that fails keeps its error and its incidents."""
    try:
        for page in actions.claim_due(interval_s=interval_s):
            try:
                actions.refresh(page, by=THIS)
            except BadInput as error:
                log.warning("status page not read", page=page.name, error=error.message)
    finally:
        connections.close_all()
