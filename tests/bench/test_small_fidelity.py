"""Three cases of `make fidelity` that chance has no part in, however busy the machine: rehearsed and over real sockets.

Times are not compared. What decides is never who is faster: an upstream is down all the time, too small for a prompt,
or holds its answers back until all requests have come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bench.fidelity import live, rehearsed
from bench.fidelity.cases import OFF, ORDERED, Case, Place, Traffic, crowded, failing, quick, steady, tiers
from bench.fidelity.stage import Built, Stage, staged
from bench.fidelity.verdicts import TIMES

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.once]
PATIENT = {"num_retries": 0, "timeout_s": 300, "total_timeout_s": 300}
BURST = 10
DOWN = Case(
    "small, down", ORDERED, tiers(quick(failing(1.0)), steady()), Traffic(burst=BURST), retry=PATIENT, cooldown=OFF
)
LONG = Case(
    "small, long prompts",
    ORDERED,
    (
        *tiers(quick(world={"context": 1000}, model={"context_length": 1000})),
        Place("spare", row={"priority": 1}, group="spare"),
    ),
    Traffic(per_s=20, lasts_s=1, long=0.4, long_prompt=2500),
    retry=PATIENT,
    cooldown=OFF,
    fallback={"context_window_groups": ["spare"]},
)
CROWDED = Case(
    "small, two slots",
    ORDERED,
    tiers(quick(crowded(slots=2), world={"slots": 2, "holds": BURST}), steady()),
    Traffic(burst=BURST),
    retry=PATIENT,
    cooldown=OFF,
)
SMALL = (DOWN, LONG, CROWDED)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[dict, dict]]]:
    """For each case what was rehearsed, and what came."""
    with staged(tmp_path_factory.mktemp("fidelity")) as stage, stage.processes() as (ours,):
        stage.build_even(ours)
        built = [stage.build(ours, case) for case in SMALL]
        ours.catch_up()
        ranges = [rehearsed.ranges_of(ours, *one) for one in zip(SMALL, built, strict=True)]
        played = [_played(stage, [ours], *one) for one in zip(SMALL, built, strict=True)]
        yield {case.name: (ranges[n], played[n]) for n, case in enumerate(SMALL)}


def _played(stage: Stage, consoles: list, case: Case, built: Built) -> dict[str, float]:
    return asyncio.run(live.play(consoles, stage.world, [(case, built)]))[0].numbers


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.slug)
def test_what_was_rehearsed_is_what_comes(both, case: Case):
    ranges, numbers = both[case.name]
    for name, (low, _, high) in ranges.items():
        if name not in TIMES:
            assert low == high, f"{name} hangs on chance"
            assert numbers[name] == pytest.approx(low, abs=1e-6), name


def test_the_second_tier_serves_all_while_the_first_is_down(both):
    assert both[DOWN.name][1]["share:steady"] == 1


def test_two_slots_serve_two_of_ten_at_once(both):
    assert both[CROWDED.name][1]["share:quick"] == pytest.approx(2 / BURST)
