"""Parameters that a model has refused: learned in this process from its errors, for requests that we translated.

A client of another protocol cannot know what the model behind a group takes: Claude Code asks every model to think.
"""

from __future__ import annotations

from typing import Any

from engine.spec import DeploymentSpec, Unsupported
from engine.upstreams import failures

# What an answer is worth having without.
SPARE = frozenset(
    {"reasoning_effort", "parallel_tool_calls", "verbosity", "prompt_cache_key", "service_tier", "metadata", "store"}
)
# The limit of output tokens has two names, and a model may know only one.
LIMITS = {"max_completion_tokens": "max_tokens", "max_tokens": "max_completion_tokens"}
MOST = 4096
_learned: dict[tuple[str | None, str], frozenset[str]] = {}


def of(deployment: DeploymentSpec) -> frozenset[str]:
    """The parameters that this model has refused, and that are left out for it."""
    return _learned.get(_place(deployment), frozenset()) & _spare(deployment)


def without(body: dict[str, Any], deployment: DeploymentSpec) -> dict[str, Any]:
    """The request without what this model has refused."""
    if not (refused := _learned.get(_place(deployment), frozenset()) & (_spare(deployment) | LIMITS.keys())):
        return body
    kept = ((name, value) for name, value in body.items() if name not in refused or name in LIMITS)
    return {LIMITS[name] if name in LIMITS and name in refused else name: value for name, value in kept}


def has_learned(body: dict[str, Any], deployment: DeploymentSpec, error: Exception) -> bool:
    """Whether this error refuses a parameter of the body that the next request would not have.

    Where the group refuses to leave out anything it is learned all the same, for requests to come.
    """
    if failures.status_of(error) not in (400, 422):
        return False
    text, known = str(error), _learned.get(_place(deployment), frozenset())
    may_learn = _spare(deployment) | LIMITS.keys()
    named = {name for name in body if name in may_learn and name in text} - known
    # A refused name that was put in place of another one is not exchanged back.
    new = {name for name in named if name in SPARE or LIMITS[name] not in known}
    if not new or len(_learned) >= MOST:
        return False
    _learned[_place(deployment)] = known | new
    return deployment.unsupported is not Unsupported.REFUSE or new <= LIMITS.keys()


def _spare(deployment: DeploymentSpec) -> frozenset[str]:
    return frozenset() if deployment.unsupported is Unsupported.PASS else SPARE


def _place(deployment: DeploymentSpec) -> tuple[str | None, str]:
    return deployment.api_base, deployment.upstream_model
