"""A routing group for people: rows of the list, cards in tiers, ids by name. Data only, no HTML."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from engine.core.state import DEPLOYMENT, KEY
from groups.deployments.percentages import percentages
from groups.models import Deployment, RoutingGroup, Strategy
from pages.discs import Disc, disc_of
from usage.health.cooldown_board import CoolingDown

DISCS = 5


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A row of the list: the group, its providers (the first few as discs), and its teams."""

    group: RoutingGroup
    count: int
    discs: tuple[Disc, ...]
    more: int
    teams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProofLine:
    """A deployment without traffic: when it last answered, in words, or the `error` of its last test request."""

    group_id: UUID
    model_id: UUID
    words: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class DeploymentCard:
    """One deployment. `share` is its percentage under weighted, `problem` says why it takes no traffic.

    `cooling` is why it is out of use for a while; `breaker` names it to stop its use. `proof` is of a standby.
    """

    disc: Disc
    title: str
    subtitle: str
    share: int | None
    prices: str
    limits: str
    problem: str
    breaker: str = ""
    cooling: CoolingDown | None = None
    proof: ProofLine | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """Cards of one tier; `number` is the priority, None where the strategy has no order."""

    number: int | None
    cards: tuple[DeploymentCard, ...]


def ids_of_groups(names: Iterable[str]) -> dict[str, UUID]:
    """The ids of groups (not of lone models) by name; no query without names."""
    wanted = set(names)
    return dict(RoutingGroup.objects.filter(name__in=wanted).values_list("name", "pk")) if wanted else {}


def row_of(group: RoutingGroup, team_names: Mapping[str, str]) -> GroupRow:
    """A group (with its deployments prefetched) as a row of the list; `teams` are names by id."""
    deployments = group.deployments.all()
    discs = tuple(dict.fromkeys(disc_of(d.model.provider) for d in deployments))
    teams = tuple(team_names.get(team_id, f"unknown team {team_id}") for team_id in group.assigned_team_ids)
    return GroupRow(group, len(deployments), discs[:DISCS], len(discs[DISCS:]), teams)


def tiers_of(
    group: RoutingGroup, cooldowns: Iterable[CoolingDown] = (), proofs: Mapping[str, ProofLine] | None = None
) -> tuple[Tier, ...]:
    """A group's deployments as cards: by priority under priority-failover, else all in one tier."""
    ours = {one.id: one for one in cooldowns if group.name in one.groups}
    deployments = list(group.deployments.all())
    shares = _shares(group, deployments)
    tiers: dict[int | None, list[DeploymentCard]] = defaultdict(list)
    for deployment, share in zip(deployments, shares, strict=True):
        card = replace(card_of(deployment, share), proof=(proofs or {}).get(str(deployment.model_id)))
        tiers[_tier_number(group, deployment)].append(_with_cooling(deployment, card, ours))
    return tuple(Tier(number, tuple(cards)) for number, cards in sorted(tiers.items(), key=lambda t: t[0] or 0))


def _with_cooling(deployment: Deployment, card: DeploymentCard, ours: Mapping[str, CoolingDown]) -> DeploymentCard:
    breaker = f"{DEPLOYMENT}{deployment.model_id}"
    return replace(card, breaker=breaker, cooling=ours.get(breaker) or ours.get(f"{KEY}{deployment.model.provider_id}"))


def _tier_number(group: RoutingGroup, deployment: Deployment) -> int | None:
    return (deployment.priority or 1) if group.strategy == Strategy.PRIORITY_FAILOVER else None


def _shares(group: RoutingGroup, deployments: list[Deployment]) -> list[int | None]:
    if group.strategy != Strategy.WEIGHTED:
        return [None] * len(deployments)
    return [*percentages([0 if _problem(d) else d.weight or 0 for d in deployments])]


def card_of(deployment: Deployment, share: int | None) -> DeploymentCard:
    """A deployment, stored or not, with its percentage if it has one."""
    return DeploymentCard(
        disc=disc_of(deployment.model.provider),
        title=deployment.display_name or deployment.model.provider.name,
        subtitle=_subtitle(deployment),
        share=share,
        prices=_prices(deployment),
        limits=_limits(deployment),
        problem=_problem(deployment),
    )


def _subtitle(deployment: Deployment) -> str:
    """The details that the title lacks: the provider if the deployment has a name of its own, the model, and
    the region if it has one of its own."""
    model = deployment.model
    provider = model.provider.name if deployment.display_name not in ("", model.provider.name) else ""
    return " · ".join(word for word in (provider, model.name, deployment.region) if word)


def _problem(deployment: Deployment) -> str:
    if not deployment.model.provider.enabled:
        return f"{deployment.model.provider.name} is disabled"
    return "" if deployment.model.enabled else "This model is disabled"


def _prices(deployment: Deployment) -> str:
    model = deployment.model
    prices = (model.input_cost_per_million, model.output_cost_per_million)
    if prices == (None, None):
        return ""
    return " / ".join(_dollars(price) for price in prices) + " per 1M in / out"


def _dollars(price: Any) -> str:
    if price is None:
        return "?"
    return f"${price:.2f}" if price == round(price, 2) else f"${price.normalize():f}"


def _limits(deployment: Deployment) -> str:
    limits = ((deployment.rpm, "RPM"), (deployment.tpm, "TPM"), (deployment.max_parallel, "at once"))
    return " · ".join(f"{value:,} {unit}" for value, unit in limits if value)
