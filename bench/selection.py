"""`make bench NAME=selection`: 2,000 picks of each policy beside LiteLLM's Router, and the CPU microseconds of one.

Both are fed the same answers, failures, prices and limits. Exits with 1 when a case is not what it says it is: the
same, or different on purpose.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter

from tests.engine.core.selection import NOBODY, Case, Ours, compared
from tests.engine.core.selection_cases import CASES

PICKS = 2_000


async def main() -> int:
    wrong = 0
    print(f"{'strategy':24}{'case':34}{'LiteLLM a:b:c':>18}{'ours a:b:c':>18}{'µs':>6}  ")
    for case in CASES:
        theirs, ours, is_same = await compared(case, PICKS)
        is_wanted = is_same is not bool(case.differs)
        wrong += not is_wanted
        verdict = case.differs or "same"
        said = verdict if is_wanted else f"NOT AS SAID: {verdict}"
        print(
            f"{case.strategy:24}{case.name:34}{_row(theirs):>18}{_row(ours):>18}{_pick_us(case):>6.1f}  {said}",
            flush=True,
        )
    print(f"{len(CASES) - wrong} of {len(CASES)} as said")
    return 1 if wrong else 0


def _row(picks: Counter[str]) -> str:
    return ":".join(str(picks[key]) for key in "abc") + (" none" if picks[NOBODY] else "")


def _pick_us(case: Case) -> float:
    side = Ours(case)
    case.feed(side)
    begin = time.process_time()
    for _ in range(PICKS):
        side.pick()
    return (time.process_time() - begin) / PICKS * 1e6


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
