"""Scenarios: faults over time, named ones and those in a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from engine import fields
from engine.exceptions import BadInput
from engine.faults.kinds import (
    ContextTooLong,
    Degradation,
    Flapping,
    Outage,
    Quota,
    RateLimit,
    ServerError,
    Slow,
    StreamCut,
    StreamStall,
    Timeout,
    Unauthorised,
)
from engine.faults.needs import Needs, needs_of_faults
from engine.faults.rescues import RescueShares
from engine.faults.targets import ALWAYS_KNOWN, KNOWN_TARGETS, TargetedFault, targets
from engine.fields import GatewayMs, Share, Text
from engine.spec import GroupSpec

MOST_FAULTS = 100
LONGEST_NAME = 128
UNNAMED = "custom"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Faults over time, with a name (a slug), a description for people, and its stated needs, if any.

    `rescues` says how often broken streams can be rescued, where it differs from the default; `gateway_ms` how long the
    gateway itself takes for a request, where it differs from what was measured.
    """

    name: Text
    description: str
    faults: tuple[TargetedFault, ...] = ()
    stated: Needs | None = None
    rescues: RescueShares | None = None
    gateway_ms: GatewayMs | None = None

    @property
    def needs(self) -> Needs:
        """The traffic that shows its effect: its own needs, else those of its faults."""
        return self.stated or needs_of_faults(self.faults)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        faults = [fault.to_json() for fault in self.faults]
        parts = {"needs": self.stated, "rescue": self.rescues}
        rest: dict[str, Any] = {name: part.to_json() for name, part in parts.items() if part is not None}
        if self.gateway_ms is not None:
            rest["gateway_ms"] = self.gateway_ms
        return {"name": self.name, "description": self.description, "faults": faults, **rest}

    @classmethod
    def from_json(cls, data: object, *, path: str = "scenario") -> Scenario:
        """The scenario that `to_json` described; only `faults` is required; raises BadInput."""
        given = fields.as_object(data, path)
        fields.refuse_unknown(given, ("name", "description", "faults", "needs", "rescue", "gateway_ms"), path)
        faults = given.get("faults")
        if not isinstance(faults, list | tuple) or len(faults) > MOST_FAULTS:
            raise BadInput(f"{path}.faults", f"Give a list of at most {MOST_FAULTS} faults.")
        return cls(
            fields.value_of(Text, given.get("name", UNNAMED), f"{path}.name"),
            fields.value_of(Text, given.get("description", "Described in the request."), f"{path}.description"),
            tuple(TargetedFault.from_json(fault, path=f"{path}.faults[{n}]") for n, fault in enumerate(faults)),
            None if given.get("needs") is None else Needs.from_json(given["needs"], path=f"{path}.needs"),
            None if given.get("rescue") is None else RescueShares.from_json(given["rescue"], path=f"{path}.rescue"),
            fields.value_of(GatewayMs | None, given.get("gateway_ms"), f"{path}.gateway_ms"),
        )


def parse_scenario(
    data: object,
    *,
    failure_rates: object = None,
    spec: GroupSpec,
    fallbacks: Sequence[GroupSpec] = (),
) -> Scenario:
    """The scenario in a request: a name, its own, or none; plus failure rates.

    `failure_rates` is `{deployment id: 0..1}`: 503 with that probability, always. `fallbacks` are the fallback groups,
    whose deployments may be targets as well. Raises BadInput.
    """
    specs = (spec, *fallbacks)
    rates = faults_of(read_rates(failure_rates, specs))
    scenario = named_for(HEALTHY if data is None else read_scenario(data, specs), has_rates=bool(rates))
    _refuse_overlaps(scenario.faults, rates)
    return replace(scenario, faults=scenario.faults + rates)


def named_for(scenario: Scenario, *, has_rates: bool) -> Scenario:
    """The scenario with a name that fits: `healthy` only without failure rates."""
    if scenario.name == HEALTHY.name and not scenario.faults and has_rates:
        return BY_RATES
    return scenario


def read_scenario(data: object, specs: Sequence[GroupSpec]) -> Scenario:
    """A scenario by name, or a custom one for these groups; raises BadInput."""
    scenario = _named(data) if isinstance(data, str) else _described(data, specs)
    _refuse_overlaps(scenario.faults, ())
    return scenario


def read_rates(data: object, specs: Sequence[GroupSpec]) -> dict[str, float]:
    """Failure rates by deployment id, from 0 to 1, for deployments of these groups; raises BadInput."""
    known, given = targets("*", specs), {} if data is None else fields.as_object(data, "failure_injection")
    for name in given:
        if name not in known:
            raise BadInput("failure_injection", f"'{str(name)[:64]}' is not a deployment of '{specs[0].name}'.")
    return {name: _rate(name, rate) for name, rate in given.items()}


def faults_of(rates: Mapping[str, float], *, from_s: float = 0.0) -> tuple[TargetedFault, ...]:
    """Faults of 503 with these probabilities, by deployment id, from a second of the run on."""
    return tuple(TargetedFault(ServerError(), name, rate, from_s) for name, rate in rates.items() if rate)


def has_overlaps(faults: Iterable[TargetedFault]) -> bool:
    """Whether two of the faults have the same kind and overlap in target and time."""
    return any(first.overlaps(second) for first, second in combinations(faults, 2))


def _named(name: str) -> Scenario:
    return SCENARIOS[fields.choice(SCENARIOS, name, "scenario")]


def _described(data: object, specs: Sequence[GroupSpec]) -> Scenario:
    scenario = Scenario.from_json(data)
    if len(scenario.name) > LONGEST_NAME:
        raise BadInput("scenario.name", f"Give at most {LONGEST_NAME} characters.")
    for n, aimed in enumerate(scenario.faults):
        if aimed.target not in ALWAYS_KNOWN and not targets(aimed.target, specs):
            why = f"No deployment of '{specs[0].name}' matches. Give {KNOWN_TARGETS}."
            raise BadInput(f"scenario.faults[{n}].target", why)
    is_misnamed = scenario.name == HEALTHY.name and scenario.faults
    return replace(scenario, name=UNNAMED) if is_misnamed else scenario


def _refuse_overlaps(described: Sequence[TargetedFault], rates: Sequence[TargetedFault]) -> None:
    for (n, first), (m, second) in combinations(enumerate((*described, *rates)), 2):
        if first.overlaps(second):
            field = f"scenario.faults[{m}].from_s" if m < len(described) else "failure_injection"
            raise BadInput(field, f"Overlaps scenario.faults[{n}]: the same kind, target and time.")


def _rate(name: str, rate: object) -> float:
    try:
        return float(fields.value_of(Share, rate, "failure_injection"))
    except BadInput as error:
        raise BadInput(error.field, f"{name}: {error.message}") from None


HEALTHY = Scenario("healthy", "No faults but those you add.", stated=Needs(20))
BY_RATES = Scenario("failure-rates", "Deployments fail with 503, each with its own probability.", stated=Needs(20))
SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        HEALTHY,
        Scenario(
            "primary-outage",
            "After 10 seconds the primary is down for a minute, then it comes back.",
            (TargetedFault(Outage(), "primary", from_s=10, until_s=70),),
            Needs(90, 5),
        ),
        Scenario(
            "flapping-primary",
            "From second 5 on the primary is down for 8 of every 20 seconds.",
            (TargetedFault(Flapping(period_s=20, down_s=8), "primary", from_s=5),),
            Needs(65, 5),
        ),
        Scenario(
            "rate-limited-primary",
            "From second 5 on the primary answers three requests in ten with 429 and asks to wait 5 seconds.",
            (TargetedFault(RateLimit(retry_after_s=5), "primary", probability=0.3, from_s=5),),
            Needs(45, 5),
        ),
        Scenario(
            "region-brown-out",
            "For two minutes the primary's provider is four times as slow, and one request in five fails.",
            (
                TargetedFault(Slow(factor=4), "primary-provider", from_s=10, until_s=130),
                TargetedFault(ServerError(), "primary-provider", probability=0.2, from_s=10, until_s=130),
            ),
            Needs(150, 5),
        ),
        Scenario(
            "region-outage",
            "After 10 seconds the primary's region is down for a minute, with all that run there. Say where they run.",
            (TargetedFault(Outage(), "primary-region", from_s=10, until_s=70),),
            Needs(90, 5),
        ),
        Scenario(
            "slow-creep",
            "Over five minutes the primary gets eight times as slow, and at the end one request in ten fails.",
            (TargetedFault(Degradation(factor=8, error_rate=0.1), "primary", until_s=300),),
            Needs(300, 2),
        ),
        Scenario(
            "cascading-overload",
            "After 10 seconds the primary is gone. The others get slower and have quotas of 60 requests a minute.",
            (
                TargetedFault(Outage(), "primary", from_s=10),
                TargetedFault(Quota(rpm=60), "others", from_s=10),
                TargetedFault(Slow(factor=1.5), "others", from_s=10),
            ),
            Needs(75, 10),
        ),
        Scenario(
            "everything-down",
            "No deployment accepts a connection, from the first request to the last.",
            (TargetedFault(Outage("refused"), "*"),),
            Needs(30, 5),
        ),
        Scenario(
            "hanging-primary",
            "From second 5 on the primary leaves every fourth request without an answer.",
            (TargetedFault(Timeout(), "primary", probability=0.25, from_s=5),),
            Needs(60, 5),
        ),
        Scenario(
            "revoked-key",
            "After 10 seconds the primary's provider no longer accepts the key.",
            (TargetedFault(Unauthorised(), "primary-provider", from_s=10),),
            Needs(40, 5),
        ),
        Scenario(
            "small-context",
            "The primary takes at most 1,500 tokens of context.",
            (TargetedFault(ContextTooLong(limit_tokens=1500), "primary"),),
            Needs(30, 5, input_tokens=1500),
        ),
        Scenario(
            "broken-streams",
            "One stream in ten of the primary breaks off half-way, and one in twenty falls silent. For streams only.",
            (
                TargetedFault(StreamCut(), "primary", probability=0.1),
                TargetedFault(StreamStall(), "primary", probability=0.05),
            ),
            Needs(90, 5, is_stream=True),
        ),
    )
}
