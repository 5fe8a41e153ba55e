"""The fields that every request to a deployment has besides the client's, or instead of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from engine.spec import DeploymentSpec

# What can be a name in the head of a part.
NAME = re.compile(r"[\w.\[\]-]+", re.ASCII)


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


def fields_of_form(given: Mapping[str, Any], deployment: DeploymentSpec) -> tuple[dict[str, str], tuple[str, ...]]:
    """The same for a form, whose fields are texts: those that it gets besides the client's or instead of them."""
    extras = {name: _text(value) for name, value in deployment.extra_body.items() if NAME.fullmatch(name)}
    return extras, tuple(name for name, value in extras.items() if given.get(name, value) != value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value).decode()
