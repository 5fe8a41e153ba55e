"""Reasons why a request cannot be paid."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR

from access.credits.money import dollars, usd_of
from lib.exceptions import DomainError


class OutOfCredits(DomainError):
    """A prepaid account can't cover the highest cost of the request (402)."""

    def __init__(self, holder: str, *, needed_nanousd: int, available_nanousd: int) -> None:
        self.needed_nanousd, self.available_nanousd = needed_nanousd, max(available_nanousd, 0)
        needed = dollars(usd_of(needed_nanousd), rounding=ROUND_CEILING)
        left = dollars(usd_of(self.available_nanousd), rounding=ROUND_FLOOR)
        super().__init__(
            f"This request may cost up to {needed}; of the credits of {holder}, {left} are left. "
            "Lower max_tokens, or ask an admin to top up."
        )


class CapReached(DomainError):
    """The request would exceed the month's cap (429). `retry_after_s` is the time until the next month."""

    def __init__(self, holder: str, *, cap_nanousd: int, left_nanousd: int, ends_at: datetime, now: datetime) -> None:
        self.cap_nanousd, self.left_nanousd = cap_nanousd, max(left_nanousd, 0)
        self.ends_at = ends_at
        self.retry_after_s = max((ends_at - now).total_seconds(), 1.0)
        left = dollars(usd_of(self.left_nanousd), rounding=ROUND_FLOOR)
        super().__init__(
            f"This request may pass the monthly cap of {holder}: of {dollars(usd_of(cap_nanousd))}, {left} are left "
            f"until {ends_at:%Y-%m-%d} (UTC). Lower max_tokens, wait, or ask an admin to raise the cap."
        )
