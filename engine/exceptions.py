"""Errors of a whole request, after all attempts, and of a job."""

from __future__ import annotations

import math

# After these statuses waiting helps.
MAY_WAIT = frozenset({429, 503, 529})
# What a client sees when the fault is not its own: an upstream's 401 must not read as "your key is wrong".
STATUS_FOR_CLIENT = {401: 502, 402: 502, 403: 502, 404: 502, 408: 504}


class RequestFailed(Exception):
    """No deployment answered. `status` is the HTTP status for an OpenAI client.

    `error_class` names the last upstream error (LiteLLM's exception names); `retry_after_s` is set when waiting helps.
    `code`, `type` and `param` are the upstream's own where they concern the caller; `is_hopeless`: a repeated request
    would be refused again.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        error_class: str,
        code: str | None = None,
        retry_after_s: float | None = None,
        param: str | None = None,
        type: str | None = None,
        is_hopeless: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.error_class = error_class
        self.code = code
        self.param = param
        self.type = type
        self.is_hopeless = is_hopeless
        self.retry_after_s = retry_after_s


class GroupUnavailable(RequestFailed):
    """The group cannot route at all: it has no usable deployment, or its configuration is wrong."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=503, error_class="GroupUnavailable", code="group_unavailable")


class DeadlineExceeded(RequestFailed):
    """The time for the whole request is up, with an attempt or a wait still under way."""

    def __init__(self, limit_s: float) -> None:
        message = f"No deployment answered within {limit_s:g} s."
        super().__init__(message, status=504, error_class="DeadlineExceeded", code="deadline_exceeded")


class AllCoolingDown(RequestFailed):
    """Every deployment of the group is cooling down; nothing was tried."""

    def __init__(self, group: str, retry_after_s: float) -> None:
        self.group = group
        seconds = max(1, math.ceil(retry_after_s))
        message = f"All deployments of '{group}' are cooling down after failures. Try again in {seconds} s."
        super().__init__(
            message, status=429, error_class="AllCoolingDown", code="all_cooling_down", retry_after_s=retry_after_s
        )


class Unsuitable(RequestFailed):
    """No deployment of the group can do what the request asks for; `param` is the parameter that none can follow."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(
            message,
            status=400,
            error_class="Unsuitable",
            code="unsupported_parameter",
            param=param,
            type="invalid_request_error",
            is_hopeless=True,
        )


class BadInput(ValueError):
    """An invalid job. `field` is the name of the invalid field in the REST API."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
