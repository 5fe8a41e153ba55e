"""The calls of a probe: list the models, ask for one token. Bounded, never following a redirect, never raising."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from engine import addresses
from engine.ledger import Attempt, Trace
from engine.probes import errors
from engine.probes.findings import Finding, Target, Trouble, deployment_of
from engine.probes.listings import Listing, listing_of, names_in
from engine.redaction import redact
from engine.spec import RetryPolicy
from engine.upstreams import failures
from engine.upstreams.call import Call
from engine.upstreams.choose import upstream_for
from engine.upstreams.connections import new_session
from engine.upstreams.direct import DirectUpstream

LIMIT_S = 10.0
# The longest lists have a few thousand models of a kilobyte each.
BODY_LIMIT = 16 * 1024 * 1024
PING = {"role": "user", "content": "ping"}
# Errors that a completion can reveal after the list of models was answered.
KEY_TROUBLES = frozenset({Trouble.WRONG_KEY, Trouble.NO_CREDIT, Trouble.FORBIDDEN})
NO_LIST = "This provider has no list of models to ask for. Add one of its models, then it can be tested with that."


async def probe(
    target: Target, *, limit_s: float = LIMIT_S, resolver: aiohttp.abc.AbstractResolver | None = None
) -> Finding:
    """The cheapest call that shows whether a provider works: its list of models, else one token."""
    async with new_session(connect_timeout_s=limit_s, resolver=resolver) as session:
        listed = await _list(target, session, limit_s)
        if listed.trouble is Trouble.NO_LIST and target.model is not None:
            return await _one_token(target, session, limit_s)
        return listed


async def models_of(target: Target, *, limit_s: float = LIMIT_S) -> Finding:
    """The models of a provider, by its own list."""
    async with new_session(connect_timeout_s=limit_s) as session:
        return await _list(target, session, limit_s)


async def check(
    target: Target, *, limit_s: float = LIMIT_S, resolver: aiohttp.abc.AbstractResolver | None = None
) -> Finding:
    """A probe for a person who waits: the list of models and, for a named model, one token.

    The token takes the way of real traffic and shows what a list does not: that there is credit.
    """
    async with new_session(connect_timeout_s=limit_s, resolver=resolver) as session:
        listed = await _list(target, session, limit_s)
        left_s = max(1.0, limit_s - listed.latency_ms / 1000)
        if target.model is None or not (listed.is_ok or listed.trouble is Trouble.NO_LIST):
            return listed
        said = await _one_token(target, session, left_s)
        return listed if listed.is_ok and said.trouble not in KEY_TROUBLES else said


async def _list(target: Target, session: aiohttp.ClientSession, limit_s: float) -> Finding:
    listing, began = listing_of(target), time.perf_counter()
    url = listing.url(target) if listing else None
    if listing is None or url is None:
        return Finding(0.0, trouble=Trouble.NO_LIST, error=NO_LIST)
    try:
        addresses.adopted().check_url(url)
        async with asyncio.timeout(limit_s):
            found = await _models_at(url, target, listing, session)
    except (TimeoutError, OSError, ValueError, aiohttp.ClientError) as error:
        found = errors.of_exception(target, error, url=url, limit_s=limit_s)
    latency_ms = round((time.perf_counter() - began) * 1000, 3)
    if isinstance(found, errors.Diagnosis):
        return Finding(latency_ms, trouble=found.trouble, error=found.error)
    return Finding(latency_ms, models=found)


async def _models_at(
    url: str, target: Target, listing: Listing, session: aiohttp.ClientSession
) -> tuple[str, ...] | errors.Diagnosis:
    headers = listing.request_headers(target)
    async with session.get(url, headers=headers, allow_redirects=False) as response:
        body = await _read(response)
        if response.status >= 300:
            return errors.of_status(target, response.status, body)
        names, content_type = names_in(body), response.headers.get("Content-Type", "")
    if names is None:
        return errors.of_body(content_type)
    return await _wrong_key(listing.key_check_url(target), target, headers, session) or names


async def _wrong_key(
    url: str | None, target: Target, headers: dict[str, str], session: aiohttp.ClientSession
) -> errors.Diagnosis | None:
    if url is None:
        return None
    async with session.get(url, headers=headers, allow_redirects=False) as response:
        if response.status in (401, 402, 403):
            return errors.of_status(target, response.status, await _read(response))
    return None


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body; anything longer than a list is cut, and is then not valid JSON."""
    parts, size = [], 0
    while size < BODY_LIMIT and (part := await response.content.readany()):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


async def _one_token(target: Target, session: aiohttp.ClientSession, limit_s: float) -> Finding:
    deployment, began = deployment_of(target), time.perf_counter()
    upstream = upstream_for(deployment)
    upstream = DirectUpstream(lambda: session) if isinstance(upstream, DirectUpstream) else upstream
    trace, now = Trace("probe", target.provider), time.time()
    attempt = Attempt(deployment.deployment_id, deployment.name, target.provider, "probe", 1, now)
    call = Call("chat/completions", {"messages": [PING], "max_tokens": 1}, trace)
    try:
        await upstream.send(call, deployment, RetryPolicy(timeout_s=limit_s), attempt)
    except Exception as error:  # whatever it is, a person waits for an answer
        found = _diagnosis(target, error, message=failures.message_of(error), limit_s=limit_s)
        return Finding(_since_ms(began), trouble=found.trouble, error=found.error)
    return Finding(_since_ms(began), models=(deployment.upstream_model,))


def _diagnosis(target: Target, error: Exception, *, message: str, limit_s: float) -> errors.Diagnosis:
    status = failures.status_of(error)
    found = errors.of_exception(target, error, url=target.api_base or "", limit_s=limit_s)
    if found.trouble is Trouble.UNREACHABLE and status is not None:
        found = errors.of_status(target, status, message.encode())
        if found.trouble in (Trouble.SERVER_ERROR, Trouble.NO_LIST):
            return errors.Diagnosis(Trouble.SERVER_ERROR, redact(message, secret=target.api_key))
    return found


def _since_ms(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)
