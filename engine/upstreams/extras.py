"""The fields that every request to a deployment has besides the client's, or instead of them."""

from __future__ import annotations

from typing import Any

from engine.spec import DeploymentSpec


def with_extras(
    body: dict[str, Any], dropped: tuple[str, ...], deployment: DeploymentSpec
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The request in the upstream's words with the deployment's fields, and the names of what arrives otherwise.

    The deployment's fields win, because its operator decides what holds for all. A value of the client's that gives way
    is reported.
    """
    extras = deployment.extra_body
    if not extras:
        return body, dropped
    lost = (name for name, value in extras.items() if body.get(name, value) != value)
    return {**body, **extras}, tuple(dict.fromkeys((*dropped, *lost)))
