"""The exception of an attempt that failed: the only one that an upstream raises. Pure, without LiteLLM.

The core reads its `kind`, callers get its `status`, and the ledger keeps its `error_class`. These names are LiteLLM's,
which clients and logs know; LiteLLM's own exceptions exist only where LiteLLM is called, and end there.
"""

from __future__ import annotations

from engine.core.failures import Kind
from engine.outcomes import CLIENT_LEFT
from engine.redaction import redact
from engine.spec import Secret

CLASS_OF_KIND = {
    Kind.CONTEXT_LENGTH: "ContextWindowExceededError",
    Kind.CONTENT_POLICY: "ContentPolicyViolationError",
}
CLASS_OF_STATUS = {
    400: "BadRequestError",
    401: "AuthenticationError",
    404: "NotFoundError",
    408: "Timeout",
    422: "BadRequestError",
    429: "RateLimitError",
    500: "InternalServerError",
    502: "BadGatewayError",
    503: "ServiceUnavailableError",
    504: "Timeout",
}
# The status for events without one.
STATUS_OF_KIND = {
    Kind.CONTEXT_LENGTH: 400,
    Kind.CONTENT_POLICY: 400,
    Kind.QUOTA: 429,
    Kind.RATE_LIMIT: 429,
}
# What callers get as `code` instead of the word of the upstream.
CODE_OF_KIND = {
    Kind.CONTEXT_LENGTH: "context_length_exceeded",
    Kind.CONTENT_POLICY: "content_policy_violation",
}
NO_CONNECTION, UNREADABLE, NO_QUOTA = "UpstreamConnectionError", "UnreadableAnswerError", "QuotaUsedUpError"
TEXTS = ("message", "code", "type", "param")


def status_and_code(kind: Kind, status: int) -> tuple[int, str | None]:
    """The status of a failure and our own code for callers; None where the upstream's may be told."""
    if kind is not Kind.QUOTA:
        return status, CODE_OF_KIND.get(kind)
    # Some say 400 or 403 of an account without money: ours, and no fault of the request.
    return (429, "insufficient_quota") if status == 429 else (402, None)


class UpstreamFailure(Exception):
    """How one attempt failed.

    `kind` decides what follows; `error_class` is its name in traces and logs. `status` is the HTTP status that it
    stands for, `came_status` the one that the upstream sent (None without one). `retry_after_s` is what the upstream
    asked for, in seconds. `message` is for people; `code`, `type` and `param` are the upstream's own. The exception's
    text is the start of the upstream's answer, without keys. `is_unusable`: the deployment has a problem on our side,
    and nobody was asked.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: Kind,
        error_class: str,
        status: int,
        came_status: int | None = None,
        retry_after_s: float | None = None,
        code: str | None = None,
        type: str | None = None,
        param: str | None = None,
        text: str = "",
        is_unusable: bool = False,
    ) -> None:
        super().__init__(text or message)
        self.message = message
        self.kind = kind
        self.error_class = error_class
        self.status = status
        self.came_status = came_status
        self.retry_after_s = retry_after_s
        self.code = code
        self.type = type
        self.param = param
        self.is_unusable = is_unusable

    def hide(self, secret: Secret) -> None:
        """Removes a credential from all its texts: an upstream may repeat the key that it refuses."""
        for name in TEXTS:
            if (text := getattr(self, name)) is not None:
                setattr(self, name, redact(text, secret=secret))


def class_of(kind: Kind, status: int) -> str:
    """The name of a failure with an HTTP status, as in LiteLLM."""
    if kind is Kind.QUOTA and status == 429:
        return NO_QUOTA
    return CLASS_OF_KIND.get(kind) or CLASS_OF_STATUS.get(status, "APIError")


def standing_for(status: int) -> int:
    """The status for the core and for callers: an upstream's 499 would mean that the caller left, and a status that
    is not an HTTP error means nothing to clients."""
    return status if 400 <= status < 600 and status != CLIENT_LEFT else 502
