"""How the requests of a run are shared out among the tiers of a virtual model: as given, as in the log, or evenly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.exceptions import BadInput
from engine.rehearsal.workload import Workload
from engine.virtual import VirtualSpec
from usage.models import RequestRecord

FIELD = "workload.complexity"
NEWEST, FEWEST = 2_000, 20


class MixFrom(StrEnum):
    """Who says so."""

    GIVEN = "given"
    RECORDED = "recorded"
    LOG = "log"
    EVENLY = "evenly"


@dataclass(frozen=True, slots=True)
class Mix:
    """The share of requests by tier."""

    shares: Mapping[str, float]
    origin: MixFrom


def mix_for(virtual: VirtualSpec | None, workload: Workload) -> Mix | None:
    """None without a virtual model; raises BadInput."""
    given = workload.complexity
    if virtual is None:
        if given is not None:
            raise BadInput(FIELD, "Only a virtual model chooses by complexity. Leave this out, or call one.")
        return None
    names = [tier.name for tier in virtual.tiers]
    if given is not None:
        if unknown := [name for name in given if name not in names]:
            raise BadInput(FIELD, f"'{virtual.name}' has no tier '{unknown[0][:64]}'. It has: {', '.join(names)}.")
        return Mix(given, MixFrom.GIVEN)
    if any(arrival.tier for arrival in workload.arrivals or ()):
        return Mix(_evenly(names), MixFrom.RECORDED)
    if (logged := _in_log(virtual)) is not None:
        return Mix(logged, MixFrom.LOG)
    return Mix(_evenly(names), MixFrom.EVENLY)


def _in_log(virtual: VirtualSpec) -> dict[str, float] | None:
    """By the scores of its newest requests; None while there are too few. Those without a score go to the default."""
    rows = RequestRecord.objects.filter(virtual_model=virtual.name).order_by("-started_at")
    scores = rows.values_list("score", flat=True)[:NEWEST]
    counts = Counter(virtual.default if score is None else virtual.tier_for(score).name for score in scores)
    total = counts.total()
    return {name: round(count / total, 4) for name, count in counts.items()} if total >= FEWEST else None


def _evenly(names: list[str]) -> dict[str, float]:
    return dict.fromkeys(names, round(1 / len(names), 4))
