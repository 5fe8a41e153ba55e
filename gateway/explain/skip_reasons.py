"""Why a deployment would not be asked, or would fail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from engine.core.state import DEPLOYMENT, KEY
from engine.spec import DeploymentSpec, GroupSpec, Router
from gateway.explain.candidate_order import Excluded
from groups.models import Deployment
from providers.presets import preset_of
from usage.health.cooldown_board import CoolingDown

# A rough measure, for most languages and models.
CHARACTERS_PER_TOKEN = 4
# By the group's name and that of the breaker.
Cooling = Mapping[tuple[str, str], CoolingDown]


def excluded_from(spec: GroupSpec, rows: Iterable[Deployment], *, cooling: Cooling, tokens: int) -> list[Excluded]:
    """The deployments of a group that can't answer a request of about this many tokens now; no query."""
    usable = {deployment.deployment_id: deployment for deployment in spec.deployments}
    found = []
    for row in rows:
        deployment = usable.get(str(row.model_id))
        breakers = (f"{DEPLOYMENT}{row.model_id}", f"{KEY}{row.model.provider_id}")
        cooldowns = [cooling[spec.name, name] for name in breakers if (spec.name, name) in cooling]
        ignored = _why_ignored(spec, row, deployment, max(cooldowns, key=attrgetter("until"), default=None))
        unfit = _why_unfit(row, deployment, tokens) if deployment else ""
        keyless = _why_keyless(row, deployment) if deployment else ""
        if ignored or unfit or keyless:
            # LiteLLM's Router asks also one that is unfit, and finds out.
            is_tried = not ignored and not (unfit and spec.router is Router.NATIVE)
            found.append(_excluded(spec, row, deployment, ignored or unfit or keyless, is_tried=is_tried))
    return found


def tokens_of(messages: Sequence[Any]) -> int:
    """The estimated number of tokens of the messages."""
    contents = [message.get("content") for message in messages if isinstance(message, Mapping)]
    parts = [part for content in contents for part in (content if isinstance(content, list) else [content])]
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    return sum(len(text) for text in texts if isinstance(text, str)) // CHARACTERS_PER_TOKEN


def _why_ignored(
    spec: GroupSpec, row: Deployment, deployment: DeploymentSpec | None, cooldown: CoolingDown | None
) -> str:
    """Why the router does not ask it; "" if it does."""
    if deployment is None:
        return f"{row.model.provider} is disabled." if not row.model.provider.enabled else "The model is disabled."
    if spec.tier_of(deployment) not in spec.tiers[: spec.retry.max_fallbacks + 1]:
        return f"Its tier is beyond the {spec.retry.max_fallbacks} moves of max_fallbacks."
    if cooldown is not None and cooldown.by:
        return f"{cooldown.by} stopped its use for {cooldown.seconds_left:.0f} s more: {cooldown.cause}"
    if cooldown is not None:
        return f"It cools down for {cooldown.seconds_left:.0f} s more: {cooldown.error or cooldown.error_class}"
    return ""


def _why_unfit(row: Deployment, deployment: DeploymentSpec, tokens: int) -> str:
    """Why it is known that it can't answer; "" if it may."""
    context = row.model.context_length
    if deployment.problem or context is None or tokens <= context:
        return deployment.problem or ""
    return f"Its context holds {context:,} tokens; the messages are about {tokens:,}."


def _why_keyless(row: Deployment, deployment: DeploymentSpec) -> str:
    """Why its provider will probably refuse it; "" if it has what it needs."""
    provider = row.model.provider
    lacks_key = preset_of(provider.type).needs_key and deployment.api_key is None and not provider.api_base
    return f"{provider} has no API key." if lacks_key else ""


def _excluded(
    spec: GroupSpec, row: Deployment, deployment: DeploymentSpec | None, why: str, *, is_tried: bool
) -> Excluded:
    return Excluded(
        deployment_id=str(row.model_id),
        deployment_name=row.label,
        provider=row.model.provider.name,
        model_group=spec.name,
        tier=spec.tier_of(deployment) if deployment else row.priority or 1,
        why=why,
        is_tried=is_tried,
    )
