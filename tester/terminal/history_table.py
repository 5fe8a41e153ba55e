"""A rehearsal of the past as text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lib.typography import THIN

WORST_SHOWN = 5


def history_text(result: Mapping[str, Any]) -> str:
    """The sentences that people ask for: the whole, each provider alone, and the worst hours."""
    low, _, high = result["ranges"]["availability"]
    count = len(result["seeds"])
    spread = f", {percent(low)} to {percent(high)} over {count} seeds" if count > 1 else ""
    lines = [
        f"period     {result['from']} to {result['until']}, {result['requests_per_hour']} requests an hour",
        f"group      {percent(result['availability'])}{spread}; {result['lost']:,g} of {result['requests']:,} lost",
        *(f"alone      {name} {percent(value)}{_no_service(name, result)}" for name, value in result["alone"].items()),
        f"cost       ${result['cost_usd']:,.2f} at the prices of today",
        *(f"note       {note}" for note in result["notes"]),
    ]
    if result["worst"]:
        lines += ["", "worst hours"]
        lines += [f"  {worst_line(one)}" for one in result["worst"][:WORST_SHOWN]]
    return "\n".join(lines)


def percent(share: float) -> str:
    """`99.42 %`; never rounded up to 100."""
    thousandths = math.floor(round(share * 1e5, 6))
    return f"{thousandths / 1000:.3f}".rstrip("0").rstrip(".") + f"{THIN}%"


def worst_line(one: Mapping[str, Any]) -> str:
    """`12 December 2024, 02:00 to 07:00 UTC: 150 lost, anthropic-api and openai-api were down`."""
    return f"{worst_time(one)}: {one['lost']:,g} lost, {down_in_words(one)}"


def worst_time(one: Mapping[str, Any]) -> str:
    """`12 December 2024, 02:00 to 07:00 UTC`."""
    starts, ends = datetime.fromisoformat(one["from"]), datetime.fromisoformat(one["until"])
    day = "" if starts.date() == ends.date() else f"{ends.day} {ends:%B} "
    return f"{starts.day} {starts:%B %Y}, {starts:%H:%M} to {day}{ends:%H:%M} UTC"


def down_in_words(one: Mapping[str, Any]) -> str:
    """`anthropic-api and openai-api were down`."""
    down = one["down"]
    return (
        f"{' and '.join(down)} {'was' if len(down) == 1 else 'were'} down" if down else "nothing was known to be down"
    )


def _no_service(name: str, result: Mapping[str, Any]) -> str:
    return " (no incidents are known of it)" if name in result["without_service"] else ""
