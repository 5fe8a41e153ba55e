"""What a rehearsed request calls: a name that leads to one of several groups, and the key that calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.allowance.minute_limits import Limit
from engine.allowance.purse import Purse
from engine.virtual import Decision, TierSpec, VirtualSpec, pools_for


@dataclass(frozen=True, slots=True)
class CallingKey:
    """A key with its limits, and its account if one pays for it.

    `output_tokens` are the most that an answer of a deployment may have, by its id: that much is held. Providers of
    `own_keys` are paid by the person.
    """

    name: str
    limits: tuple[Limit, ...] = ()
    purse: Purse | None = None
    output_tokens: Mapping[str, int] = field(default_factory=dict)
    own_keys: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "name": self.name,
            "limits": [limit.to_json() for limit in self.limits],
            "purse": None if self.purse is None else self.purse.to_json(),
            "output_tokens": dict(self.output_tokens),
            "own_keys": list(self.own_keys),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CallingKey:
        """The key that `to_json` described."""
        purse = None if data["purse"] is None else Purse(**data["purse"])
        limits = tuple(Limit(*one) for one in data["limits"])
        return cls(data["name"], limits, purse, data["output_tokens"], tuple(data["own_keys"]))


@dataclass(frozen=True, slots=True)
class Called:
    """The name that clients call, and where it leads: to the job's own group, or as a virtual model's tiers say.

    `mix` is the share of requests by tier, for those whose tier is not known.
    """

    name: str
    virtual: VirtualSpec | None = None
    mix: Mapping[str, float] = field(default_factory=dict)
    key: CallingKey | None = None

    def tier(self, name: str) -> TierSpec | None:
        """The tier of this name; the default one for a name that the virtual model does not have any more."""
        if self.virtual is None:
            return None
        return next((one for one in self.virtual.tiers if one.name == name), self.virtual.default_tier)

    def pools(self, tier: TierSpec) -> tuple[TierSpec, ...]:
        """The tiers whose pools are asked, in order, as the gateway asks them."""
        return () if self.virtual is None else pools_for(Decision(tier, None), self.virtual)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        virtual = self.virtual and {
            "name": self.virtual.name,
            "tiers": [[one.name, one.minimum_score, one.pool] for one in self.virtual.tiers],
            "default": self.virtual.default,
        }
        key = None if self.key is None else self.key.to_json()
        return {"name": self.name, "virtual": virtual, "mix": dict(self.mix), "key": key}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Called:
        """What `to_json` described."""
        told = data["virtual"]
        virtual = told and VirtualSpec(told["name"], tuple(TierSpec(*one) for one in told["tiers"]), told["default"])
        return cls(data["name"], virtual, data["mix"], data["key"] and CallingKey.from_json(data["key"]))
