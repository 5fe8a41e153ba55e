"""The client's headers that go to providers, and the providers' that come back: by name, none else.

A client's cookies, its organisation and what it says of its machine stay here.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.spec import DeploymentSpec
from engine.upstreams.call import Call

TRACING = ("traceparent", "tracestate")
OPENAI = frozenset({*TRACING, "openai-beta"})
ANTHROPIC = frozenset({*TRACING, "anthropic-beta", "anthropic-version"})
# A provider that sees it again answers as before: only for retries at the same place.
ONCE = "idempotency-key"
FROM_CLIENTS = OPENAI | ANTHROPIC | {ONCE}
# What comes back is called `x-upstream-…`: our own ids and limits have the plain names.
PREFIX, LONGEST = b"x-upstream-", 256
KINDS, COUNTED = (b"limit", b"remaining", b"reset"), (b"requests", b"tokens", b"input-tokens", b"output-tokens")
COMES_BACK = {
    name: PREFIX + name.removeprefix(b"x-")
    for name in (
        *(b"x-request-id", b"request-id"),
        *(b"x-ratelimit-%b-%b" % (kind, what) for kind in KINDS for what in COUNTED),
        *(b"anthropic-ratelimit-%b-%b" % (what, kind) for kind in KINDS for what in COUNTED),
    )
}


def headers_for(call: Call, deployment: DeploymentSpec, wanted: frozenset[str] = OPENAI) -> dict[str, str]:
    """The client's headers for an attempt at this deployment, of those that its dialect knows."""
    passed: dict[str, str] = {}
    if call.headers:
        passed = {name: value for name, value in call.headers.items() if name in wanted}
        if ONCE in call.headers and _is_first(call, deployment):
            passed[ONCE] = call.headers[ONCE]
    if call.traceparent is not None:
        passed["traceparent"] = call.traceparent(len(call.trace.attempts))
    return passed


def come_back(raw_headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """The provider's id of the request, and its limits, under names of our own."""
    found = {
        ours: value
        for given, value in raw_headers
        if (ours := COMES_BACK.get(given.lower())) is not None and len(value) <= LONGEST and value.isascii()
    }
    return tuple(found.items())


def _is_first(call: Call, deployment: DeploymentSpec) -> bool:
    attempts = call.trace.attempts
    return not attempts or attempts[0].deployment_id == deployment.deployment_id
