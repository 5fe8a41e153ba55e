"""When a standby is asked, and when it counts as dead. Pure.

A standby is a deployment of an active group that has answered nothing for STANDBY_PROOF_HOURS. A failed test request
is repeated after a minute, then after five, then every quarter of an hour, until one is answered or real traffic is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from providers.health.probe_schedule import OTHER_MODES, spread

HOUR_S = 3600.0
# After the first failure in a row, the second, and each further one.
PAUSES_S = (60.0, 300.0, 900.0)
# Failures in a row before the alert opens, unless admins set another number.
DEAD_AFTER = 3
A_DAY = timedelta(days=1)
# By the catalog's words for models that generate no chat tokens: the endpoint that is asked instead. What is not here
# has no request that costs next to nothing, or needs a file.
ENDPOINTS = {"embedding": "embeddings", "rerank": "rerank", "moderation": "moderations"}
CHAT = "chat/completions"


@dataclass(frozen=True, slots=True)
class StandbyState:
    """What is known of one deployment: its last answer, and the test requests that failed in a row since then.

    `is_dead`: they are enough for the alert `standby_dead`.
    """

    proven_at: datetime | None = None
    failed: int = 0
    failing_since: datetime | None = None
    error: str = ""
    is_dead: bool = False

    def words(self, now: datetime) -> str:
        """`proven 14:02`, `tests fail since 14:02`; empty while nothing is known. UTC."""
        if self.failing_since:
            return f"tests fail since {moment_in_words(self.failing_since, now)}"
        return f"proven {moment_in_words(self.proven_at, now)}" if self.proven_at else ""


def moment_in_words(moment: datetime, now: datetime) -> str:
    """`14:02`, with the day if it is more than a day ago."""
    return f"{moment:%H:%M}" if now - moment < A_DAY else f"{moment:%Y-%m-%d %H:%M}"


def is_dead(failed: int, timed_out: int, threshold: float) -> bool:
    """Whether so many failures in a row are enough. Our own time limit counts half: a busy machine of ours misses it
    too, so after time-outs alone twice as many are needed."""
    return 2 * failed - timed_out >= 2 * threshold


def pause_after(failed: int, *, after_s: float, rng: Random) -> timedelta:
    """The time from the latest of so many failures in a row to the next test request; never more than `after_s`."""
    return spread(min(after_s, PAUSES_S[min(failed, len(PAUSES_S)) - 1]), rng)


def endpoint_for(capabilities: list[str]) -> str | None:
    """What a model of these capabilities is asked; None if it has no cheap request."""
    modes = OTHER_MODES.intersection(capabilities)
    return CHAT if not modes else next((ENDPOINTS[mode] for mode in sorted(modes) if mode in ENDPOINTS), None)
