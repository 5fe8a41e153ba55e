"""`GET /metrics`: for METRICS_KEY, the master key, and keys that may read."""

from __future__ import annotations

import hmac

from django.conf import settings

from access.models import Scope
from gateway.admission.key_rights import authenticate
from gateway.doors.incoming import Incoming
from gateway.live import Live
from gateway.openai import ApiError


async def read(live: Live, request: Incoming) -> tuple[str, bytes]:
    """The content type and the text; raises ApiError."""
    await _check(live, request)
    try:
        return await live.measuring.text(request.headers.get(b"accept", b"").decode("latin-1"))
    except OSError as error:
        why = f"The folder of the metrics can't be used ({error.strerror}); it is in ROUTING_CONSOLE_DATA."
        raise ApiError(503, why, code="metrics_unavailable") from None


async def _check(live: Live, request: Incoming) -> None:
    """METRICS_KEY works also while no configuration is loaded."""
    if settings.METRICS_KEY and hmac.compare_digest(request.key.encode(), settings.METRICS_KEY.encode()):
        return
    holder = await authenticate(live, request.key, request)
    if Scope.READ not in holder.scopes:
        raise ApiError(403, f"This key has no scope '{Scope.READ}': it may not read metrics.", code="missing_scope")
