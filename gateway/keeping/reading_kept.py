"""`/v1/responses/ID`, its `/cancel` and its `/input_items`: what the owner of a stored response asks its provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from functools import partial
from urllib.parse import parse_qsl, quote, urlencode

from django.db import DatabaseError

from access.keys import KeyHolder
from engine.routing import failure_of
from engine.spec import DeploymentSpec
from engine.upstreams import failures
from engine.upstreams.over_http import opened, whole
from engine.upstreams.own_keys import with_key
from engine.upstreams.passed_on import come_back
from engine.upstreams.quirks import address, key_header
from engine.upstreams.upstream_failure import UpstreamFailure
from gateway import openai
from gateway.admission.key_rights import authenticate, check_scope
from gateway.doors.incoming import Incoming
from gateway.keeping.owners import find, fingerprint
from gateway.keeping.streaming_again import streamed
from gateway.live import Live
from gateway.openai import ApiError, Headers
from usage import stored_responses
from usage.models import StoredResponse

LIMIT_S = 60.0
# The parameters that go on to the provider, and those of a stream.
PARAMETERS = frozenset({"include", "include[]", "after", "before", "limit", "order"})
OF_STREAMS = frozenset({"stream", "starting_after", "include_obfuscation"})


async def ask(live: Live, request: Incoming, method: str) -> tuple[Headers, bytes | AsyncGenerator[bytes]]:
    """The provider's answer or stream, to the owner alone: to all others the response is unknown. Free, and in no log.

    It counts as a request of the key's limit. Raises ApiError.
    """
    holder = await authenticate(live, request.key, request)
    check_scope(holder)
    query, is_stream = _query(request, method)
    headers = await live.rate_limits.admit(holder)
    row = await find(live, holder, request.way.response_id)
    if row is None:
        raise _unknown(request.way.response_id)
    deployment = await _keeper_of(live, holder, row)
    try:
        url = _url(deployment, request, query)
        response = await opened(deployment, method, url, key_header(deployment), LIMIT_S)
        body = streamed(deployment, response) if is_stream else await whole(deployment, response, LIMIT_S)
    except UpstreamFailure as failure:
        raise await _failed(live, row, method, deployment, failure) from None
    if method == "DELETE":
        await _forget(live, row)
    theirs = come_back(response.raw_headers)
    return [(b"x-litellm-model-id", row.deployment_id.encode()), *theirs, *headers], body


async def _keeper_of(live: Live, holder: KeyHolder, row: StoredResponse) -> DeploymentSpec:
    """The deployment that keeps it, with the key that it was made with."""
    deployment = await live.deployment(row.deployment_id)
    if deployment is None or deployment.provider_id != row.provider_id:
        raise _unknown(row.response_id, f" {row.deployment_name}, which kept it, is not here any more.")
    if not row.own_key:
        if deployment.problem:
            raise openai.from_failure(failure_of(failures.unusable(deployment)))
        return deployment
    own = live.own_keys_of(holder).get(row.provider_id)
    if own is None or fingerprint(own, row.provider_id) != row.own_key:
        raise _unknown(row.response_id, f" It was made with an own key for {row.deployment_name} that is not here.")
    return with_key(deployment, own)


async def _failed(
    live: Live, row: StoredResponse, method: str, deployment: DeploymentSpec, failure: UpstreamFailure
) -> ApiError:
    failures.hide_secrets(failure, deployment)
    if failure.came_status == 404:
        if method == "DELETE":
            await _forget(live, row)
        return _unknown(row.response_id)
    if failure.came_status in (405, 501):
        return ApiError(400, f"{deployment.provider} does not do this with a stored response.", code="not_served")
    return openai.from_failure(failure_of(failure))


async def _forget(live: Live, row: StoredResponse) -> None:
    with suppress(DatabaseError):  # it is gone all the same, and its provider will say so
        await live.read(partial(stored_responses.forget, row))


def _unknown(response_id: str, why: str = "") -> ApiError:
    return ApiError(404, f"Response with id '{response_id[:200]}' not found.{why}")


def _url(deployment: DeploymentSpec, request: Incoming, query: list[tuple[str, str]]) -> str:
    way = request.way
    path = "/".join(("responses", quote(way.response_id, safe=""), *filter(None, [way.part])))
    url = address(deployment, path)
    return url + ("&" if "?" in url else "?") + urlencode(query) if query else url


def _query(request: Incoming, method: str) -> tuple[list[tuple[str, str]], bool]:
    """The parameters that go on, and whether the response is to be streamed again."""
    raw = request.query
    given = parse_qsl(raw.decode("latin-1"), max_num_fields=100) if raw else []
    is_stream = method == "GET" and not request.way.part and ("stream", "true") in given
    known = PARAMETERS | OF_STREAMS if is_stream else PARAMETERS
    return [(name, value) for name, value in given if name in known], is_stream
