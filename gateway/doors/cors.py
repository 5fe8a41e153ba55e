"""Browsers of other origins: which may call, and what they may send and read. Off without the setting CORS_ORIGINS.

Never with credentials: a key is a header of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.openai import Headers

ANY = "*"
METHODS = b"GET, POST, DELETE, OPTIONS"
# Clients send headers of their own (`x-stainless-…`): what is asked for is allowed, if it reads like names of headers.
ASKED = re.compile(rb"[A-Za-z0-9_-]{1,64}( ?, ?[A-Za-z0-9_-]{1,64}){0,63}")
USUAL = b"authorization, content-type, x-api-key, api-key, anthropic-version, anthropic-beta, x-request-id"
EXPOSED = b", ".join(
    (
        *(b"x-request-id", b"request-id", b"retry-after", b"x-should-retry"),
        *(b"x-ratelimit-limit-requests", b"x-ratelimit-remaining-requests"),
        *(b"x-ratelimit-limit-tokens", b"x-ratelimit-remaining-tokens"),
        *(b"x-litellm-call-id", b"x-litellm-model-id", b"x-litellm-model-group", b"x-litellm-attempted-retries"),
        *(b"x-litellm-attempted-fallbacks", b"x-litellm-response-cost", b"x-litellm-response-duration-ms"),
        *(b"x-litellm-overhead-duration-ms", b"x-routing-skipped", b"x-routing-dropped-params"),
        *(b"x-routing-virtual-model", b"x-routing-pool", b"x-routing-score", b"x-upstream-request-id"),
    )
)
LASTS_S = b"600"


def answer_headers(origins: Sequence[str], origin: bytes | None) -> Headers:
    """The headers of any answer to a request from this origin; nothing for one that may not call."""
    if not origins:
        return []
    vary = [] if ANY in origins else [(b"vary", b"Origin")]
    if origin is None or not (ANY in origins or origin.decode("latin-1") in origins):
        return vary
    shown = b"*" if ANY in origins else origin
    return [(b"access-control-allow-origin", shown), (b"access-control-expose-headers", EXPOSED), *vary]


def preflight_headers(answered: Headers, asked: bytes) -> Headers:
    """Further headers of an answer to `OPTIONS`; nothing for an origin that may not call.

    `asked` are the names of headers that the browser wants to send.
    """
    if not any(name == b"access-control-allow-origin" for name, _ in answered):
        return []
    return [
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", asked if ASKED.fullmatch(asked) else USUAL),
        (b"access-control-max-age", LASTS_S),
    ]
