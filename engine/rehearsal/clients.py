"""How clients behave after an error: like the official openai client with its defaults."""

from __future__ import annotations

import math
import random

from engine.exceptions import RequestFailed

MAX_RETRIES = 2
FIRST_S, LONGEST_S = 0.5, 8.0
# A Retry-After beyond this is not honoured; the client then uses its own backoff.
LONGEST_RETRY_AFTER_S = 60.0
JITTER = 0.25


class ClientRetries:
    """One client's. `source` seeds its jitter: the same source, the same waits."""

    def __init__(self, source: str) -> None:
        self._source, self._retries = source, 0
        self._rng: random.Random | None = None  # to seed one takes longer than to answer a request

    def wait_s(self, failure: RequestFailed | None) -> float:
        """Seconds until its next request, after one that was answered (None) or failed; 0 means at once.

        Each retry is a request of its own. After `MAX_RETRIES` retries the client gives up and sends its next request
        at once.
        """
        if failure is None or not is_worth_a_retry(failure.status) or self._retries >= MAX_RETRIES:
            self._retries = 0
            return 0.0
        wait_s = self._backoff_s(failure.retry_after_s)
        self._retries += 1
        return wait_s

    def _backoff_s(self, retry_after_s: float | None) -> float:
        # The gateway's header has whole seconds.
        told_s = 0 if retry_after_s is None else math.ceil(retry_after_s)
        if 0 < told_s <= LONGEST_RETRY_AFTER_S:
            return float(told_s)
        if self._rng is None:
            self._rng = random.Random(self._source)  # noqa: S311  # no secret is drawn from it
        return min(LONGEST_S, FIRST_S * 2.0**self._retries) * (1.0 - JITTER * self._rng.random())


def is_worth_a_retry(status: int) -> bool:
    """Whether the openai client sends a request again after this status."""
    return status in (408, 409, 429) or status >= 500
