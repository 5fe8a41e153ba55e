"""Tracing of this process, on or off."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from gateway.doors.incoming import Incoming
    from gateway.exchange import Exchange
    from gateway.tracing.spans import Spans

# A receiver that is away must not keep a server from ending.
ENDS_WITHIN_S = 5.0
_spans: Spans | None = None


def start() -> None:
    """Begins, if settings name a receiver; imports the SDK then, for some tenths of a second."""
    global _spans
    if settings.TRACING and _spans is None:
        from gateway.tracing.spans import Spans, exporting

        _spans = Spans(exporting(str(settings.SPECTACULAR_SETTINGS["VERSION"])), is_open=settings.CAPTURE_CONTENT)


def stop() -> None:
    """Sends what is left, within a time limit; blocks."""
    global _spans
    if _spans is not None:
        spans, _spans = _spans, None
        thread = threading.Thread(target=spans.end, daemon=True)
        thread.start()
        thread.join(ENDS_WITHIN_S)


def begin(request: Incoming, exchange: Exchange) -> None:
    """The span of a request, where tracing is on."""
    if _spans is not None:
        exchange.span = _spans.begin(request.headers, exchange)
