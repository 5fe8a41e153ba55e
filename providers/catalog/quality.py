"""A guess of a model's quality, 0 to 100, from its price; it is marked as a guess. Pure."""

from __future__ import annotations

import math
from decimal import Decimal
from enum import StrEnum

LOWEST, HIGHEST = 5, 95
AT_ONE_USD, PER_TENFOLD = 50, 20


class QualitySource(StrEnum):
    """The source of a quality score."""

    TYPED = "typed"
    GUESSED = "guessed_from_price"
    UNKNOWN = "unknown"


def guessed(output_usd: Decimal | None) -> int | None:
    """The score for a price of a million output tokens, in US dollars: vendors charge more for better models.

    1 USD is 50, each factor of ten 20 points, within 5 to 95: 0.1 USD is 30, 10 USD 70, 25 USD 78. None without a
    price, and for a price of 0, which means nothing.
    """
    if not output_usd:
        return None
    score = AT_ONE_USD + PER_TENFOLD * math.log10(output_usd)
    return max(LOWEST, min(HIGHEST, round(score)))
