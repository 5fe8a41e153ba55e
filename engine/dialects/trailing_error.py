"""The error at the end of a body, in any dialect: it says why a stream ended early. Pure."""

from __future__ import annotations

import re
from typing import Any

from engine.dialects.reading import error_in, parsed

# Amazon's binary frames have JSON in them: the kind of the exception is in a header.
EXCEPTION_FRAME = re.compile(rb":exception-type\x07..(\w+).*?(\{.*?\})", re.DOTALL)


def trailing_error(body: bytes) -> dict[str, Any] | None:
    """The last error in lines, events or frames: its message, type and code; None without one."""
    if frame := EXCEPTION_FRAME.search(body):
        fields = parsed(frame.group(2)) or {}
        return _told(fields.get("message"), frame.group(1).decode(), None)
    if b"rror" not in body:
        return None
    if (whole := parsed(body)) is not None:
        return _error_of(whole)
    for line in reversed(body.splitlines()):
        if b"rror" in line and (told := _error_of(parsed(line.strip().removeprefix(b"data:").strip()) or {})):
            return told
    return None


def _error_of(fields: dict[str, Any]) -> dict[str, Any] | None:
    error = error_in(fields)
    if isinstance(error, dict):
        return _told(error.get("message"), error.get("type") or error.get("status"), error.get("code"))
    return _told(error, None, None) if error else None


def _told(message: object, kind: object, code: object) -> dict[str, Any]:
    return {"message": message or "The stream ended with an error.", "type": kind, "code": code}
