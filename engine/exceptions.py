"""Errors of a whole request, after all attempts, and of a job."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

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


class Hindrance(StrEnum):
    """Why a deployment can't be asked now, but can be later."""

    COOLING = "cooling"
    LIMITED = "limited"
    FULL = "full"
    STOPPED = "stopped"


# What a caller is told where nobody can be asked: error class, code, and what the deployments are.
_NONE_FREE = {
    Hindrance.COOLING: ("AllCoolingDown", "all_cooling_down", "cooling down after failures"),
    Hindrance.LIMITED: ("AllRateLimited", "all_rate_limited", "at their limits of requests or tokens a minute"),
    Hindrance.FULL: ("AllAtCapacity", "all_at_capacity", "busy with as many requests as they take at once"),
    Hindrance.STOPPED: ("AllStopped", "all_stopped", "stopped by hand"),
}


class NoneFree(RequestFailed):
    """No deployment of the group, or of its fallback groups, can be asked now; nothing was tried.

    `hindrances` has one for each deployment; the most frequent one gives the code. In `retry_after_s` somebody can be.
    """

    def __init__(
        self, group: str, retry_after_s: float, hindrances: Sequence[Hindrance] = (Hindrance.COOLING,)
    ) -> None:
        self.group, self.hindrances = group, hindrances
        counts = Counter(sorted(hindrances)).most_common()
        error_class, code, words = _NONE_FREE[counts[0][0]]
        why = f"All deployments of '{group}' are {words}."
        if len(counts) > 1:
            parts = ", ".join(f"{count} {_NONE_FREE[kind][2]}" for kind, count in counts)
            why = f"No deployment of '{group}' can be asked now: {parts}."
        message = f"{why} Try again in {max(1, math.ceil(retry_after_s))} s."
        super().__init__(message, status=429, error_class=error_class, code=code, retry_after_s=retry_after_s)


class KeeperAway(RequestFailed):
    """The deployment that keeps what the request goes on from is not asked for the moment, and no other can answer."""

    def __init__(self, name: str) -> None:
        message = f"{name}, which keeps what the request goes on from, is cooling down or busy. Try again later."
        super().__init__(message, status=503, error_class="KeeperAway", code="response_unavailable")


class Unsuitable(RequestFailed):
    """No deployment of the group can do what the request asks for; `param` is the parameter that none can follow."""

    def __init__(self, param: str, message: str, code: str | None = None) -> None:
        super().__init__(
            message,
            status=400,
            error_class="Unsuitable",
            code=code or "unsupported_parameter",
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
