"""GroupSpec -> a group as the core sees it."""

from __future__ import annotations

from collections.abc import Iterable

from engine.core.breaker import BreakerPolicy
from engine.core.failures import RULES, rules_with
from engine.core.hedging import Beginnings, Hedging
from engine.core.policies import POLICIES
from engine.core.state import Group, RoutingState, Target
from engine.core.wishes import Wish
from engine.spec import CooldownPolicy, DeploymentSpec, GroupSpec, Strategy

DEFAULTS = BreakerPolicy()


def compiled(spec: GroupSpec, state: RoutingState) -> Group:
    """The group over the state of its deployments. Those that can never be asked are not in it."""
    ranks = {tier: rank for rank, tier in enumerate(spec.tiers)}
    targets = [_target(row, ranks[spec.tier_of(row)], state) for row in spec.deployments if _can_be_asked(spec, row)]
    tiers = (tuple(target for target in targets if target.rank == rank) for rank in ranks.values())
    return Group(
        spec.name,
        tuple(tier for tier in tiers if tier),
        POLICIES[spec.strategy.value],
        repeats=spec.retry.num_retries,
        moves=spec.retry.max_fallbacks,
        pause_s=spec.retry.retry_after_s,
        longest_wait_s=spec.retry.retry_after_max_s,
        last_s=spec.cooldown.last_deployment_s,
        has_breakers=spec.cooldown.cooldown_time_s != 0,
        hedging=_hedging(spec, targets),
        rules=rules_with(spec.retry.by_error) if spec.retry.by_error else RULES,
        general=spec.fallback.groups,
        context=spec.fallback.context_window_groups,
        content=spec.fallback.content_policy_groups,
        span=len(ranks),
        spec=spec,
    )


def _hedging(spec: GroupSpec, targets: Iterable[Target]) -> Hedging | None:
    """Its hedges; where nothing says after how long, its deployments are measured from now on."""
    if (policy := spec.hedge) is None:
        return None
    if policy.after_ms is not None:
        return Hedging(policy.after_ms / 1000, policy.budget)
    for target in targets:
        target.health.beginnings = target.health.beginnings or Beginnings()
    return Hedging(None, policy.budget)


def compiled_together(specs: Iterable[GroupSpec]) -> dict[str, Group]:
    """Groups by name over one new state: deployments that they share have one breaker and one count."""
    state, groups = RoutingState(), {}
    for spec in specs:
        group = groups[spec.name] = compiled(spec, state)
        state.adopt(spec.name, [target.key for target in group.targets()], wish_of(spec))
    return groups


def wish_of(spec: GroupSpec) -> Wish:
    """What a group wants of what it shares with others; one without cooldowns wants nothing of breakers."""
    has_breakers = spec.cooldown.cooldown_time_s != 0
    return Wish(_breaker_policy(spec.cooldown) if has_breakers else None, spec.retry.retry_budget)


def _breaker_policy(policy: CooldownPolicy) -> BreakerPolicy:
    consecutive, rate = policy.consecutive_failures, policy.failure_rate
    row = DEFAULTS.consecutive if consecutive is None else consecutive
    return BreakerPolicy(
        fixed_s=policy.cooldown_time_s,
        allowed_fails=policy.allowed_fails,
        first_s=min(policy.first_s, policy.longest_s),
        longest_s=policy.longest_s,
        consecutive=row,
        failure_rate=DEFAULTS.failure_rate if rate is None else rate,
        # One who bears a longer row bears it also where it is all there is.
        fewest=max(DEFAULTS.fewest, row),
        retry_after_cap_s=policy.retry_after_cap_s,
        is_adaptive_too=consecutive is not None or rate is not None,
    )


def _can_be_asked(spec: GroupSpec, row: DeploymentSpec) -> bool:
    return not row.problem and (spec.strategy is not Strategy.WEIGHTED or bool(row.weight))


def _target(row: DeploymentSpec, rank: int, state: RoutingState) -> Target:
    # A deployment of no provider we know shares its key with nobody.
    health = state.health(row.deployment_id, row.provider_id or row.deployment_id)
    return Target(
        row.deployment_id,
        rank,
        health,
        weight=row.weight or 0.0,
        cost_usd=cost_of(row),
        rpm=row.rpm,
        tpm=row.tpm,
        context_tokens=row.context_tokens,
        max_parallel=row.max_parallel,
        max_wait_s=row.max_wait_s or 0.0,
        spec=row,
    )


def cost_of(row: DeploymentSpec) -> float | None:
    """The price of an input and an output token, by which cost-based routing picks; None where one is unknown."""
    read, written = row.input_cost_per_token_usd, row.output_cost_per_token_usd
    return None if read is None or written is None else read + written
