"""Which dialects a server speaks: it is posted an empty object at each of their addresses, and at one that nobody has.

Nothing can be answered to an empty object, so this costs no tokens. A server that has the address refuses what was
posted (400, 422, or 401 for the key); one that has not says so (404, 405). Some say the same of every address: LM
Studio 200, a login in front of a server 401. Hence the address that nobody has.

Tried: LiteLLM's proxy 1.106 (400). Read in their sources: vLLM (400 by its schema), Ollama (400) and llama.cpp (400, in
older versions 500), and in LM Studio's bug tracker. Ollama and Azure also say 404 of a model or deployment that is not
there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

import aiohttp

from engine import addresses
from engine.probes.findings import Finding, Target, Trouble, deployment_of
from engine.probes.listings import WITHOUT_LIST
from engine.spec import DeploymentSpec
from engine.upstreams.connections import new_session
from engine.upstreams.messages import messages_address, own_headers
from engine.upstreams.quirks import BASES, address, key_header

LIMIT_S = 5.0
START_OF_BODY = 4096
# Azure has a deployment in the address.
ANY = "probe"
NOBODYS = "routing-console-asks-what-is-spoken"
PATHS = {"chat": "chat/completions", "responses": "responses", NOBODYS: NOBODYS}
UNKNOWN_PATH = frozenset({404, 405, 501})
WANTS_KEY = frozenset({401, 403})
# The server has read what was posted.
READ = frozenset({400, 413, 415, 422})
Spoken = Mapping[str, bool | None]


@dataclass(frozen=True, slots=True)
class Said:
    """The answer at one address; `names_model`: it is about a model or deployment, not about the address."""

    status: int
    names_model: bool = False


async def with_spoken(found: Finding, target: Target) -> Finding:
    """The finding of a probe, with the dialects where the provider answered it; asks for them."""
    is_there = found.is_ok or found.trouble is Trouble.NO_LIST
    return replace(found, spoken=await spoken_by(target)) if is_there else found


async def spoken_by(
    target: Target, *, limit_s: float = LIMIT_S, resolver: aiohttp.abc.AbstractResolver | None = None
) -> Spoken:
    """Dialect -> whether a server speaks it, None where it can't be told; nothing for a target without an address.

    Takes at most `limit_s`; follows no redirects, never raises.
    """
    asked = {} if target.provider_type in WITHOUT_LIST else _addresses(deployment_of(target, model=target.model or ANY))
    if not asked:
        return {}
    async with new_session(connect_timeout_s=limit_s, resolver=resolver) as session:
        said = await asyncio.gather(*(_ask(url, headers, session, limit_s) for url, headers in asked.values()))
    answers = dict(zip(asked, said, strict=True))
    nobodys = answers.pop(NOBODYS)
    return {dialect: is_spoken(one, nobodys) for dialect, one in answers.items()}


def is_spoken(said: Said | None, nobodys: Said | None) -> bool | None:
    """What an answer at a dialect's address tells beside that at an address that nobody has; None: nothing."""
    if said is None or nobodys is None or 300 <= said.status < 400:
        return None
    if said.status in UNKNOWN_PATH:
        return False if not said.names_model else None if nobodys.names_model else True
    if said.status == nobodys.status:
        return None
    has_read = said.status < 300 or said.status in READ
    has_path = nobodys.status in UNKNOWN_PATH and (said.status in WANTS_KEY or said.status == 500)
    return True if has_read or has_path else None


def _addresses(deployment: DeploymentSpec) -> dict[str, tuple[str, dict[str, str]]]:
    """Where each dialect would be spoken, with which headers; a key goes nowhere but to its own provider."""
    asked = {}
    if deployment.api_base or deployment.provider_type in BASES:
        key = key_header(deployment)
        asked = {name: (address(deployment, path), key) for name, path in PATHS.items()}
    if deployment.api_base or deployment.provider_type == "anthropic":
        headers = own_headers(deployment)
        asked["messages"] = messages_address(deployment), headers
        asked.setdefault(NOBODYS, (messages_address(deployment, NOBODYS), headers))
    return asked


async def _ask(url: str, headers: dict[str, str], session: aiohttp.ClientSession, limit_s: float) -> Said | None:
    try:
        addresses.adopted().check_url(url)
        async with (
            asyncio.timeout(limit_s),
            session.post(url, json={}, headers=headers, allow_redirects=False) as response,
        ):
            start = (await response.content.read(START_OF_BODY)).lower()
            return Said(response.status, b"model" in start or b"deployment" in start)
    except (OSError, ValueError, TimeoutError, aiohttp.ClientError):
        return None
