"""The `model` of a request -> the routing group that answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from django.conf import settings

from engine.routing import LiveGroup
from engine.upstreams.call import Call
from engine.virtual import Decision, TierSpec, VirtualSpec, decide, pools_for, reason
from gateway import openai
from gateway.live import Live
from gateway.openai import ApiError
from groups.routing_rules.power_levels import AUTO

log = structlog.get_logger(__name__)

PREVIEW = 80


@dataclass(frozen=True, slots=True)
class VirtualChoice:
    """The choice of a virtual model and its score; None without text to score."""

    virtual_model: str
    tier: str
    pool: str
    score: int | None


@dataclass(frozen=True, slots=True)
class Route:
    """The group of a request; `choice` if it called a virtual model."""

    group: LiveGroup
    choice: VirtualChoice | None = None


async def resolve(live: Live, call: Call, may_call: Callable[[str], bool], power_level: str = "") -> Route:
    """The group, virtual model or lone model behind a client's `model`, which may also be an alias or a power level.

    Raises ApiError, and Malformed where a virtual model scores the messages. `may_call` says whether the client may
    call a group; `power_level` is the meaning of `auto` for the client.
    """
    name = await live.resolve_alias(call.body["model"])
    if name == AUTO and power_level and live.routing.get(name) is None:
        name = f"{AUTO}-{power_level}"
    if name in live.rankings and live.routing.get(name) is None:
        return _by_level(live, name, call, may_call)
    if name not in live.config.virtual and (group := await live.find(name)) is not None:
        return Route(group)
    if (spec := live.config.virtual.get(name)) is None:  # `find` may have just loaded it
        raise openai.unknown_model(name)
    if not call.is_chat:
        raise _needs_messages(name)
    return _by_score(live, spec, call)


def _by_level(live: Live, level: str, call: Call, may_call: Callable[[str], bool]) -> Route:
    """The best group in service for a power level among those that the client may call."""
    if not call.is_chat:
        raise _needs_messages(level)
    names = live.rankings.pools_for(level)
    for name in sorted(names, key=lambda name: not _keeps(live, name, call)) if call.source else names:
        if (group := live.routing.get(name)) is not None and may_call(name):
            log.info("routing decision", virtual_model=level, pool=name, score=None, decision="best of its power level")
            return Route(group, VirtualChoice(level, "", name, None))
    why = f"There is no routing group that '{level}' may choose. Add a chat group to the power levels."
    raise ApiError(503, why, param="model", code="no_pool")


def _keeps(live: Live, name: str, call: Call) -> bool:
    """Whether a group has the deployment that keeps what the request goes on from."""
    group, source = live.routing.get(name), call.source
    if group is None or source is None:
        return False
    return any(row.deployment_id == source.deployment_id for row in group.spec.deployments)


def _by_score(live: Live, spec: VirtualSpec, call: Call) -> Route:
    """The pool by the score of the messages; the default tier's pool if that one is out of service.

    A conversation that is kept somewhere stays in a pool that has the place.
    """
    decision = decide(call.chat["messages"], spec)
    keeping = [tier for tier in spec.tiers if call.source and _keeps(live, tier.pool, call)]
    tiers = [*keeping, *pools_for(decision, spec)]
    for tier in tiers:
        if (group := live.routing.get(tier.pool)) is not None:
            choice = VirtualChoice(spec.name, tier.name, tier.pool, decision.score.total if decision.score else None)
            _log(choice, decision, f"{tier.name}, as it keeps the history" if keeping else reason(decision, tier))
            return Route(group, choice)
    raise _no_pool(spec, tiers)


def _log(choice: VirtualChoice, decision: Decision, why: str) -> None:
    # Formatting the line takes five times as long as the decision, so it is skipped when it is not logged.
    if not logging.getLogger(__name__).isEnabledFor(logging.INFO):
        return
    preview = {}
    if settings.LOG_MESSAGE_PREVIEW and decision.score:
        preview["preview"] = " ".join(decision.score.text[: 10 * PREVIEW].split())[:PREVIEW]
    log.info(
        "routing decision",
        virtual_model=choice.virtual_model,
        pool=choice.pool,
        score=choice.score,
        decision=why,
        **preview,
    )


def _needs_messages(name: str) -> ApiError:
    why = f"'{name}' chooses for chat messages. Name a routing group or a model here."
    return ApiError(400, why, param="model", code="virtual_model_needs_messages")


def _no_pool(spec: VirtualSpec, tiers: Sequence[TierSpec]) -> ApiError:
    pools = " and ".join(f"'{tier.pool}'" for tier in tiers)
    why = f"'{spec.name}' has no pool in service: {pools} {'are' if len(tiers) > 1 else 'is'} inactive or missing."
    return ApiError(503, f"{why} Switch one on, or name another in the virtual model.", code="no_pool")
