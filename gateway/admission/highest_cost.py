"""The highest possible cost of a request.

The paying account holds it before the request runs, and is settled after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from django.conf import settings

from engine.allowance.purse import highest_nanousd, most_output_tokens, tokens_of
from engine.spec import DeploymentSpec, OwnKey
from engine.upstreams.choose import default_output_tokens

TOKENS_OF_AN_IMAGE = 1_600
IMAGES = ("image_url", "input_audio", "file")


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
    return highest_nanousd(_input_tokens(body, size), partial(_output_tokens, body), deployments, own_keys, units)


def _input_tokens(body: Mapping[str, Any], size: int) -> int:
    images = [part for message in body.get("messages", ()) for part in _images(message.get("content"))]
    bytes_of_images = sum(len(str(part)) for part in images)
    return tokens_of(max(0, size - bytes_of_images)) + len(images) * TOKENS_OF_AN_IMAGE


def _images(content: object) -> list[Any]:
    if not isinstance(content, list):
        return []
    return [part for part in content if isinstance(part, dict) and part.get("type") in IMAGES]


def _output_tokens(body: Mapping[str, Any], deployment: DeploymentSpec) -> int:
    if "messages" not in body and "prompt" not in body:
        return 0
    wished = (body.get("max_completion_tokens"), body.get("max_tokens"))
    limits = (*wished, default_output_tokens(deployment), settings.CREDIT_HOLD_OUTPUT_TOKENS)
    return most_output_tokens(deployment, limits) * max(1, int(body.get("n") or 1))
