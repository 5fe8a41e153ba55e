"""The faults of a scenario as named time windows for the timeline. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.faults.kinds import (
    ConnectionRefused,
    ConnectionReset,
    ContentFilter,
    ContextTooLong,
    Degradation,
    EmptyStream,
    ErrorStatus,
    Fault,
    Flapping,
    MalformedAnswer,
    NoCredit,
    Outage,
    PriceChange,
    Quota,
    RateLimit,
    Redirect,
    ServerError,
    Slow,
    StreamCut,
    StreamError,
    StreamStall,
    Timeout,
    ToolCallCut,
    Unauthorised,
)
from engine.faults.scenarios import Scenario
from engine.faults.targets import TargetedFault, targets
from engine.rehearsal.profiles import Profile
from engine.spec import DeploymentSpec, GroupSpec
from lib.typography import THIN
from tester.scene import DrawnFault, DrawnGroup

MOST_NAMES = 2
# While one of these strikes every attempt, none succeeds.
FATAL = (
    ConnectionRefused,
    ConnectionReset,
    ErrorStatus,
    NoCredit,
    Outage,
    RateLimit,
    ServerError,
    Timeout,
    Unauthorised,
)


@dataclass(frozen=True, slots=True)
class FaultWindow:
    """A fault's target and effect, in words, with its start and end (`inf`: the run's end)."""

    whom: str
    what: str
    from_ms: float
    until_ms: float

    @property
    def when(self) -> str:
        """The window in words: from 10 s to 70 s."""
        ends = "to the end" if math.isinf(self.until_ms) else f"to {self.until_ms / 1000:,g} s"
        return f"from {self.from_ms / 1000:,g} s {ends}"


def windows_of(
    scenario: Scenario,
    group: DrawnGroup,
    specs: Sequence[GroupSpec] = (),
    profiles: Mapping[str, Profile] | None = None,
) -> tuple[FaultWindow, ...]:
    """Every fault that strikes a drawn deployment, in the scenario's order, without duplicates.

    `specs` and `profiles` are those of the run: prices, limits and speeds decide which deployment is the primary.
    Without them it is derived from the drawn group.
    """
    return tuple(dict.fromkeys(_windows(scenario, group, specs or (_spec_of(group),), profiles)))


def drawn_faults(
    scenario: Scenario,
    group: DrawnGroup,
    specs: Sequence[GroupSpec] = (),
    profiles: Mapping[str, Profile] | None = None,
) -> tuple[DrawnFault, ...]:
    """The faults of each drawn deployment, for its card and its lane; error rates that were set by slider are none."""
    return tuple(dict.fromkeys(_drawn_faults(scenario, group, specs or (_spec_of(group),), profiles)))


def _drawn_faults(
    scenario: Scenario, group: DrawnGroup, specs: Sequence[GroupSpec], profiles: Mapping[str, Profile] | None
) -> Iterator[DrawnFault]:
    known = {d.deployment_id for d in group.deployments}
    for aimed in scenario.faults:
        if aimed.target in known and isinstance(aimed.fault, ServerError) and math.isinf(aimed.over_s):
            continue
        is_down = aimed.probability == 1 and isinstance(aimed.fault, FATAL)
        if aimed.over_s > aimed.from_s:
            for name in targets(aimed.target, specs, profiles):
                if name in known:
                    yield DrawnFault(name, aimed.from_s * 1000, aimed.over_s * 1000, _what(aimed), is_down)


def _windows(
    scenario: Scenario, group: DrawnGroup, specs: Sequence[GroupSpec], profiles: Mapping[str, Profile] | None
) -> Iterator[FaultWindow]:
    for aimed in scenario.faults:
        struck = targets(aimed.target, specs, profiles)
        names = [d.name for d in group.deployments if d.deployment_id in struck]
        if names and aimed.over_s > aimed.from_s:
            yield FaultWindow(_whom(names, group), _what(aimed), aimed.from_s * 1000, aimed.over_s * 1000)


def _spec_of(group: DrawnGroup) -> GroupSpec:
    """The part of the group that is needed to resolve targets."""
    rows = tuple(
        DeploymentSpec(
            d.deployment_id, d.name, d.provider, "", "", priority=d.priority, weight=d.weight, region=d.region
        )
        for d in group.deployments
    )
    return GroupSpec("", group.name, group.strategy, rows)


def _whom(names: Sequence[str], group: DrawnGroup) -> str:
    if len(names) == len(group.deployments) > 1:
        return "all"
    return ", ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} deployments"


def _what(aimed: TargetedFault) -> str:
    words = _words(aimed.fault)
    return words if aimed.probability == 1 else f"{100 * aimed.probability:.0f}{THIN}% {words}"


def _words(fault: Fault) -> str:
    match fault:
        case ServerError(status) | ErrorStatus(status):
            return f"fail with {status}"
        case RateLimit():
            return "rate limited (429)"
        case Quota(rpm, tpm):
            return f"quota of {f'{rpm:,} requests' if rpm else f'{tpm:,} tokens'} a minute"
        case Slow(factor, extra_ms):
            return f"{factor:g}× as slow" if factor > 1 else f"{extra_ms:,.0f} ms slower"
        case Degradation():
            return "worse and worse"
        case Flapping(period_s, down_s):
            return f"down {down_s:g} of every {period_s:g} s"
        case PriceChange(factor):
            return "other prices" if factor is None else f"{factor:g}× the price"
        case ContextTooLong(limit):
            return f"at most {limit:,} tokens of context"
        case Redirect(status):
            return f"redirected ({status})"
        case ContentFilter("answer"):
            return "answers filtered to nothing"
    return WORDS.get(type(fault), fault.kind.replace("_", " "))


WORDS: dict[type, str] = {
    Timeout: "left without an answer",
    ConnectionRefused: "connection refused",
    ConnectionReset: "connection closed without an answer",
    MalformedAnswer: "answers that nobody can read",
    NoCredit: "no credit left (429)",
    StreamError: "an error inside streams",
    EmptyStream: "streams without content",
    Unauthorised: "key refused",
    ContentFilter: "content refused",
    StreamCut: "streams break off",
    ToolCallCut: "tool calls break off",
    StreamStall: "streams fall silent",
    Outage: "down",
}
