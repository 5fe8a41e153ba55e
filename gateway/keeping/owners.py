"""Whose a stored response is: the key that made it, and with which key of the provider."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from django.utils.crypto import salted_hmac

from access.keys import KeyHolder
from engine.dialects.responses.kept import is_id, previous_of, references_of
from engine.dialects.responses.replayed import ids_to_look_up, thoughts_by_id
from engine.spec import OwnKey
from engine.upstreams.call import Call
from engine.upstreams.kept import Continued, Holding, Kept
from gateway.exchange import Exchange
from gateway.live import Live
from gateway.openai import ApiError
from usage import stored_responses
from usage.models import StoredResponse

LOOKS_FOR_S = 5.0
RESPONSES = "responses"
T = TypeVar("T")


def may_be_kept(call: Call) -> bool:
    """Whether providers may keep what they answer."""
    return call.endpoint == RESPONSES and settings.STORED_RESPONSES_DAYS > 0


async def source_of(live: Live, holder: KeyHolder, call: Call) -> Continued | None:
    """What a request goes on from; None if from nothing that is kept. Raises Malformed, and ApiError 503."""
    if not may_be_kept(call):
        return None
    previous, items = previous_of(call.body), references_of(call.body)
    if previous is None and not items:
        return None
    found = {
        **({"previous_response_id": (previous, await find(live, holder, previous))} if previous else {}),
        **(await _references(live, holder, items) if items else {}),
    }
    sources = [_source(live, holder, param, id, row) for param, (id, row) in found.items()]
    first = next((one for one in sources if one.problem), sources[0])
    other = next((one for one in sources if one.deployment_id != first.deployment_id), None)
    if first.problem or other is None:
        return first
    return Continued(other.param, problem=f"What '{other.param}' and '{first.param}' name is kept at two places.")


async def look_up(live: Live, holder: KeyHolder, call: Call) -> None:
    """Sets where the holder's items are that a request repeats, if one is nothing without its id. While nobody can
    know, none is known."""
    if not may_be_kept(call) or not (ids := ids_to_look_up(call.body)):
        return
    try:
        rows = await _read(live, partial(stored_responses.holders_of, holder, ids))
    except ApiError:
        return
    keys = live.own_keys_of(holder)
    call.held = {
        id: Holding(row.deployment_id, is_own=bool(row.own_key))
        for id, row in rows.items()
        if row.own_key == fingerprint(keys.get(row.provider_id), row.provider_id)
    }
    thoughts = reversed(thoughts_by_id(call.body))
    call.prefers = next((call.held[id].deployment_id for id in thoughts if id in call.held), "")


async def find(live: Live, holder: KeyHolder, response_id: str) -> StoredResponse | None:
    """The holder's response of this id; raises ApiError 503 while nobody can know."""
    if not is_id(response_id):
        return None
    return await _read(live, partial(stored_responses.find, holder, response_id))


def fingerprint(key: OwnKey | None, provider_id: str) -> str:
    """Tells an own key from others without saying what it is; empty for the system's."""
    return salted_hmac("stored responses", f"{provider_id}/{key.secret.reveal()}").hexdigest() if key else ""


async def keep(live: Live, exchange: Exchange, kept: Kept) -> None:
    """Notes the owner of what the provider keeps of an answer."""
    result, last, call, holder = exchange.result, exchange.trace.last, exchange.call, exchange.holder
    if result is None or last is None or call is None:
        return
    provider_id = result.deployment.provider_id
    row = StoredResponse(
        key=stored_responses.key_of(provider_id, kept.response_id),
        response_id=kept.response_id,
        owner_key=holder.first_key_id,
        team_id=holder.team_id,
        provider_id=provider_id,
        deployment_id=result.deployment.deployment_id,
        deployment_name=result.deployment.name,
        model=result.deployment.upstream_model,
        own_key=fingerprint(call.own_keys.get(provider_id) if last.own_key else None, provider_id),
        created_at=timezone.now(),
    )
    await live.stored.keep(row, kept.items)


def _source(live: Live, holder: KeyHolder, param: str, id: object, row: StoredResponse | None) -> Continued:
    if row is None:
        kind = "Previous response" if param == "previous_response_id" else "Item"
        return Continued(param, problem=f"{kind} with id '{str(id)[:64]}' not found.")
    own = live.own_keys_of(holder).get(row.provider_id)
    if row.own_key != fingerprint(own, row.provider_id):
        why = f"What '{param}' names was made with another key for {row.deployment_name}: send the whole conversation."
        return Continued(param, problem=why)
    return Continued(param, row.deployment_id, row.deployment_name, is_own=bool(row.own_key))


async def _references(
    live: Live, holder: KeyHolder, items: dict[str, object]
) -> dict[str, tuple[object, StoredResponse | None]]:
    ids = {id for id in items.values() if isinstance(id, str) and is_id(id)}
    rows = await _read(live, partial(stored_responses.holders_of, holder, ids)) if ids else {}
    return {path: (id, rows.get(id) if isinstance(id, str) else None) for path, id in items.items()}


async def _read(live: Live, work: Callable[[], T]) -> T:
    try:
        async with asyncio.timeout(LOOKS_FOR_S):
            return await live.read(work)
    except (DatabaseError, TimeoutError):
        why = "The database is away, and with it who owns which response. Try again later."
        raise ApiError(503, why, code="database_away", headers=[(b"retry-after", b"5")]) from None
