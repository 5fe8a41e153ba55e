"""The error of a response that failed. Pure."""

from __future__ import annotations

# OpenAI's codes: those of its schema that a gateway can meet, and two more that it sends, which Codex reads.
CODES = frozenset(
    {
        *("server_error", "rate_limit_exceeded", "invalid_prompt", "invalid_image", "image_too_large"),
        *("context_length_exceeded", "insufficient_quota"),
    }
)


def failed(message: str, type: str, code: str | None) -> dict[str, str]:
    """The `error` of a response; `type` and `code` are chat's. Clients with strict types know no other codes."""
    known = next((word for word in (code, type) if word in CODES), None)
    is_limit = "rate_limit" in type or "rate_limit" in (code or "")
    return {"code": known or ("rate_limit_exceeded" if is_limit else "server_error"), "message": message}
