"""What upstreams keep of their answers, and what a request goes on from."""

from __future__ import annotations

from dataclasses import dataclass

from engine.dialects.translation import Untranslatable
from engine.spec import DeploymentSpec


@dataclass(frozen=True, slots=True)
class Kept:
    """The ids of a response that its upstream keeps, and of the items in it."""

    response_id: str
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """Where an item is kept. `is_own`: in the account of the caller's own key."""

    deployment_id: str
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Continued:
    """What a request goes on from: kept by one deployment, the only one that can answer.

    `param` is the client's parameter that names it. `name` is the deployment's name for people. `is_own`: it is in the
    account of the caller's own key, and of no other. `problem` says why it can't be used, wherever it is asked for.
    """

    param: str
    deployment_id: str = ""
    name: str = ""
    is_own: bool = False
    problem: str = ""

    def obstacle(self, deployment: DeploymentSpec) -> Untranslatable | None:
        """Why a deployment can't go on from it."""
        if self.problem:
            return Untranslatable(self.param, self.problem, code=NOT_FOUND)
        if deployment.deployment_id == self.deployment_id:
            return None
        why = f"What '{self.param}' names is kept at {self.name}: ask a model that it answers, or send everything."
        return Untranslatable(self.param, why, code=NOT_FOUND)


# OpenAI's code.
NOT_FOUND = "previous_response_not_found"
