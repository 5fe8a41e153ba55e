"""The tokens of a request before it is sent, as the provider counts them: Anthropic's API does, for nothing."""

from __future__ import annotations

import asyncio

import aiohttp
from pydantic_core import to_json

from engine.dialects.anthropic.adapt import adapted
from engine.dialects.reading import parsed
from engine.spec import DeploymentSpec, GroupSpec
from engine.upstreams.call import Call
from engine.upstreams.choose import MESSAGES_DIALECT, dialects_of
from engine.upstreams.connections import session
from engine.upstreams.messages import messages_address, messages_headers
from engine.upstreams.over_http import ERROR_BODY_LIMIT

# A client waits for its count; an estimate comes at once.
TIMEOUT_S = 5.0
# What belongs to an answer, which a count has no place for.
OF_ANSWERS = frozenset({"max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata"})


async def counted(call: Call, spec: GroupSpec) -> int | None:
    """The input tokens by the first deployment that can count them; None where none can, or it fails.

    No attempt: it is in no log, and says nothing about the deployment's health. What a request names in a provider's
    account is not counted there for just any caller.
    """
    if call.needs_own_key is not None:
        return None
    rows = sorted(spec.deployments, key=spec.tier_of)
    able = (row for row in rows if not row.problem and MESSAGES_DIALECT in dialects_of(row))
    deployment = next((row for row in able if row.provider_id not in call.own_keys), None)
    if deployment is None:
        return None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await _ask(call, deployment)
    except (TimeoutError, aiohttp.ClientError, OSError):
        return None


async def _ask(call: Call, deployment: DeploymentSpec) -> int | None:
    body, _ = adapted(call.body, deployment.known_as)
    asked = {name: value for name, value in body.items() if name not in OF_ANSWERS}
    response = await session().post(
        messages_address(deployment, "messages/count_tokens"),
        data=to_json({**asked, "model": deployment.upstream_model}),
        headers=messages_headers(call, deployment),
        allow_redirects=False,
    )
    async with response:
        said = parsed(await response.content.read(ERROR_BODY_LIMIT)) if response.status == 200 else None
    tokens = (said or {}).get("input_tokens")
    return tokens if type(tokens) is int and tokens > 0 else None
