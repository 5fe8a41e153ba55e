"""`GET /v1/models` and `/v1/models/{id}`: what a key may call, in OpenAI's shape or in Anthropic's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic_core import to_json

from access.keys import KeyHolder
from engine.virtual import VirtualSpec
from gateway import openai
from gateway.admission.key_rights import authenticate, is_allowed, is_assigned
from gateway.doors.incoming import Incoming
from gateway.doors.model_facts import Facts, ModelFacts, least
from gateway.live import Live


@dataclass(frozen=True, slots=True)
class Listed:
    """One name that can be called."""

    name: str
    owner: str
    facts: ModelFacts

    def for_openai(self) -> dict[str, Any]:
        """With fields of OpenRouter's besides OpenAI's."""
        return {"id": self.name, "object": "model", "owned_by": self.owner, **self.facts.to_json()}

    def for_anthropic(self) -> dict[str, Any]:
        """As Anthropic lists its models."""
        at = datetime.fromtimestamp(self.facts.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"type": "model", "id": self.name, "display_name": self.name, "created_at": at}


async def models(live: Live, request: Incoming) -> bytes:
    """All that this key may call: virtual models, groups, aliases and levels, then the catalog's models."""
    rows = await _listed(live, await authenticate(live, request.key, request))
    if not request.is_anthropic:
        return to_json({"object": "list", "data": [row.for_openai() for row in rows]})
    data = [row.for_anthropic() for row in rows]
    ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
    return to_json({"data": data, "has_more": False, **ends})


async def model(live: Live, request: Incoming) -> bytes:
    """One of them, named in the path; raises ApiError 404 for any other."""
    rows = await _listed(live, await authenticate(live, request.key, request))
    row = next((row for row in rows if row.name == request.way.model), None)
    if row is None:
        raise openai.unknown_model(request.way.model)
    return to_json(row.for_anthropic() if request.is_anthropic else row.for_openai())


async def _listed(live: Live, holder: KeyHolder) -> list[Listed]:
    names, facts = _names(live, holder), await live.facts()
    return [Listed(name, owner, _facts_of(live, facts, name)) for name, owner in names]


def _names(live: Live, holder: KeyHolder) -> list[tuple[str, str]]:
    is_open, is_listed = partial(is_assigned, live, holder), partial(is_allowed, live, holder)
    virtual = [v.name for v in live.config.virtual.values() if all(is_open(tier.pool) for tier in v.tiers)]
    groups = sorted(g.spec.name for g in live.routing if is_open(g.spec.name))
    lone = sorted(live.config.models.keys() - set(groups))
    levels = [level for level in live.rankings if not {*groups}.isdisjoint(live.rankings.pools_for(level))]
    known = {*virtual, *groups, *lone, *levels}
    owned = [(name, "virtual-model") for name in virtual]
    owned += [(name, "routing-group") for name in groups if name not in lone]
    owned += [(alias, "alias") for alias, name in live.config.aliases.items() if name in known]
    owned += [(level, "power-level") for level in levels if level not in groups]
    owned += [(name, name.partition("/")[0]) for name in lone]
    return [(name, owner) for name, owner in owned if is_listed(name)]


def _facts_of(live: Live, facts: Facts, name: str) -> ModelFacts:
    """Of a name: those of its model, or what holds for all that it may lead to."""
    name = live.config.aliases.get(name, name)
    virtual = live.config.virtual.get(name)
    pools = _pools(virtual) if virtual else live.rankings.pools_for(name)
    found = least(_of_group(live, facts, pool) for pool in pools) if pools else _of_group(live, facts, name)
    return replace(found, created=facts.created[name]) if name in facts.created else found


def _pools(virtual: VirtualSpec) -> Iterable[str]:
    return dict.fromkeys(tier.pool for tier in virtual.tiers)


def _of_group(live: Live, facts: Facts, name: str) -> ModelFacts:
    if (group := live.routing.get(name)) is not None:
        ids = [row.deployment_id for row in group.spec.deployments]
        return least(facts.models[one] for one in ids if one in facts.models)
    model_id = live.config.models.get(name)
    return facts.models.get(str(model_id), ModelFacts())
