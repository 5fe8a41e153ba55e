"""The highest possible cost of a request.

The paying account holds it before the request runs, and is settled after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from django.conf import settings

from access.models import NANO
from engine.spec import DeploymentSpec, GroupSpec, OwnKey
from engine.upstreams.choose import default_output_tokens
from engine.upstreams.tokens import Usage

# English has about four; other languages and code have fewer.
BYTES_PER_TOKEN = 3
TOKENS_OF_AN_IMAGE = 1_600
IMAGES = ("image_url", "input_audio", "file")


class Named(Protocol):
    """A group with its spec."""

    @property
    def spec(self) -> GroupSpec: ...


class Groups(Protocol):
    """Groups by name."""

    def get(self, name: str, /) -> Named | None: ...


def most_nanousd(
    body: Mapping[str, Any],
    size: int,
    deployments: Iterable[DeploymentSpec],
    own_keys: Mapping[str, OwnKey],
    units: tuple[float, str] = (0.0, ""),
) -> int:
    """The highest cost of a request with a body of `size` bytes on the most expensive of these deployments.

    Deployments that only a person's own key pays for, or without a price, cost nothing. Without a limit of output
    tokens, the one that is sent to the deployment counts, or CREDIT_HOLD_OUTPUT_TOKENS where none is sent; never more
    than its model can write. `units` are the most of what is charged besides tokens.
    """
    tokens_in = _input_tokens(body, size)

    def most(deployment: DeploymentSpec) -> Usage:
        tokens_out = _output_tokens(body, deployment)
        return Usage(tokens_in, tokens_out, tokens_in + tokens_out, units=units[0], unit=units[1])

    costs = [
        most(deployment).cost_usd(deployment) or 0.0
        for deployment in deployments
        if (own := own_keys.get(deployment.provider_id)) is None or own.may_fall_back
    ]
    return math.ceil(max(costs, default=0.0) * NANO)


def reachable(groups: Groups, spec: GroupSpec, may_use: Callable[[str], bool] | None = None) -> list[DeploymentSpec]:
    """The deployments of a group and of its fallback groups, as far as the caller may use them."""
    found, names, seen = list(spec.deployments), [*_fallbacks(spec)], {spec.name}
    while names:
        name = names.pop()
        is_open = name not in seen and (may_use is None or may_use(name))
        if is_open and (group := groups.get(name)) is not None:
            found += group.spec.deployments
            names += _fallbacks(group.spec)
        seen.add(name)
    return found


def _fallbacks(spec: GroupSpec) -> tuple[str, ...]:
    return (*spec.fallback.groups, *spec.fallback.context_window_groups, *spec.fallback.content_policy_groups)


def _input_tokens(body: Mapping[str, Any], size: int) -> int:
    images = [part for message in body.get("messages", ()) for part in _images(message.get("content"))]
    bytes_of_images = sum(len(str(part)) for part in images)
    return max(0, size - bytes_of_images) // BYTES_PER_TOKEN + len(images) * TOKENS_OF_AN_IMAGE


def _images(content: object) -> list[Any]:
    if not isinstance(content, list):
        return []
    return [part for part in content if isinstance(part, dict) and part.get("type") in IMAGES]


def _output_tokens(body: Mapping[str, Any], deployment: DeploymentSpec) -> int:
    if "messages" not in body and "prompt" not in body:
        return 0
    wished = (body.get("max_completion_tokens"), body.get("max_tokens"))
    limits = (*wished, default_output_tokens(deployment), settings.CREDIT_HOLD_OUTPUT_TOKENS)
    tokens = next((int(limit) for limit in limits if limit and limit > 0), 0)
    return min(tokens, deployment.max_output_tokens or tokens) * max(1, int(body.get("n") or 1))
