"""Rows for tests: plain functions with sensible defaults, past the actions and their rules.

Names and the ids of models are the same in every run of a test: what a seed draws for a deployment hangs on its id.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from typing import Any

from access.models import Membership, Role, Team, TeamRole, User
from groups.models import Deployment, RoutingGroup
from providers import secrets
from providers.models import LanguageModel, Provider

_numbers = itertools.count(1)


def start_over() -> None:
    """Each test counts from 1."""
    global _numbers
    _numbers = itertools.count(1)


def make_user(username: str = "", role: Role = Role.VIEWER, **fields: Any) -> User:
    return User.objects.create(username=username or f"user-{next(_numbers)}", role=role, **fields)


def make_team(name: str = "", *, members: Iterable[User] = (), managers: Iterable[User] = (), **fields: Any) -> Team:
    team = Team.objects.create(name=name or f"team-{next(_numbers)}", created_by="test", **fields)
    for role, people in ((TeamRole.MEMBER, members), (TeamRole.MANAGER, managers)):
        for user in people:
            Membership.objects.create(team=team, user=user, role=role)
    return team


def make_provider(*, key: str = "", **fields: Any) -> Provider:
    values = {"name": f"Provider {next(_numbers)}", "type": "custom", "api_base": "https://llm.example.com/v1"}
    provider = Provider.objects.create(**{**values, "created_by": "test", "updated_by": "test", **fields})
    if key:
        secrets.store(provider=provider, key=key)
    return provider


def make_model(*, provider: Provider | None = None, **fields: Any) -> LanguageModel:
    number = next(_numbers)
    values = {"id": uuid.uuid5(uuid.NAMESPACE_OID, str(number)), "name": f"model-{number}", **fields}
    return LanguageModel.objects.create(provider=provider or make_provider(), **values)


def make_group(*, models: Iterable[LanguageModel] = (), **fields: Any) -> RoutingGroup:
    """A group; its deployments get priorities 1, 2, 3, ... and equal weights."""
    values = {
        "name": f"group-{next(_numbers)}",
        "strategy": "simple-shuffle",
        "created_by": "test",
        "updated_by": "test",
    }
    group = RoutingGroup.objects.create(**{**values, **fields})
    for position, model in enumerate(models):
        Deployment.objects.create(group=group, model=model, position=position, priority=position + 1, weight=1)
    return group
