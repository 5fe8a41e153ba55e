"""A virtual model: scored messages -> the tier, and so the pool, that answers. Pure.

`interchange/litellm_plugin` writes this file and `complexity.py` into its plugin for LiteLLM's proxy, so that both
decide alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.complexity import ComplexityRules, Score, Unscorable, score_of

USUAL_RULES = ComplexityRules()


@dataclass(frozen=True, slots=True)
class TierSpec:
    """From `minimum_score` on, the routing group `pool` answers. None means no minimum."""

    name: str
    minimum_score: int | None
    pool: str


@dataclass(frozen=True, slots=True)
class VirtualSpec:
    """One virtual model. `tiers` begin with the lowest, each minimum above the one before; `default` names one."""

    name: str
    tiers: tuple[TierSpec, ...]
    default: str
    rules: ComplexityRules = USUAL_RULES

    @property
    def default_tier(self) -> TierSpec:
        """The tier that answers when there is no score, or no other pool."""
        return next(tier for tier in self.tiers if tier.name == self.default)

    def tier_for(self, score: int) -> TierSpec:
        """The highest tier whose minimum the score reaches; the lowest for a score below all of them."""
        reached = [t for t in self.tiers if t.minimum_score is None or score >= t.minimum_score]
        return reached[-1] if reached else self.tiers[0]


@dataclass(frozen=True, slots=True)
class Decision:
    """The chosen tier and the score; the score is None if the messages have no text of a user."""

    tier: TierSpec
    score: Score | None


def pools_for(decision: Decision, spec: VirtualSpec) -> tuple[TierSpec, ...]:
    """The tiers to ask, in order: the chosen one, then the default tier in case its pool is out of service."""
    return tuple(dict.fromkeys((decision.tier, spec.default_tier)))


def reason(decision: Decision, tier: TierSpec) -> str:
    """Why this tier answers, for people: its name, and why there is no score or another tier was not possible."""
    if decision.score is None:
        return f"{tier.name}, as no user wrote any text"
    if tier.name != decision.tier.name:
        return f"{tier.name}, as {decision.tier.pool} is out of service"
    return tier.name


def decide(messages: Sequence[Any], spec: VirtualSpec) -> Decision:
    """The tier of a virtual model for a conversation in OpenAI's shape. Never raises."""
    try:
        score = score_of(messages, spec.rules)
    except Unscorable:
        return Decision(spec.default_tier, None)
    return Decision(spec.tier_for(score.total), score)
