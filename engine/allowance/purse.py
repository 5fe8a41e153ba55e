"""What an account can pay: the highest cost of a request is held before it runs, its real cost is taken after it.

Money is whole nano-dollars (1e-9 US dollars).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from engine.exceptions import RequestFailed
from engine.spec import DeploymentSpec, GroupSpec, OwnKey
from engine.upstreams.tokens import Usage

NANO = 1_000_000_000
# English has about four; other languages and code have fewer.
BYTES_PER_TOKEN, USUAL_BYTES_PER_TOKEN = 3, 4
MONTH_S = 31 * 86_400.0


class Shortage(StrEnum):
    """Why an account can't pay for a request, by the code that the caller gets."""

    CREDITS = "insufficient_quota"
    CAP = "monthly_cap_reached"


@dataclass(slots=True, kw_only=True)
class Purse:
    """An account of `holder`. Without `is_prepaid` only its monthly cap counts, if it has one.

    A prepaid account refuses what would bring balance - held below its floor; a cap limits what is spent and held in a
    month, which ends in `month_ends_in_s`.
    """

    holder: str
    is_prepaid: bool
    balance: int
    held: int = 0
    floor: int = 0
    cap: int | None = None
    spent: int = 0
    month_ends_in_s: float = MONTH_S

    @property
    def available(self) -> int:
        """The part of the balance that a new request can use."""
        return self.balance - self.held - self.floor

    def shortage(self, amount: int) -> Shortage | None:
        """Why it can't hold so much; None if it can."""
        if self.is_prepaid and self.available < amount:
            return Shortage.CREDITS
        if self.cap is not None and self.cap < self.spent + self.held + amount:
            return Shortage.CAP
        return None

    def hold(self, amount: int) -> None:
        """Holds so much; raises NotPaid."""
        if (why := self.shortage(amount)) is not None:
            raise NotPaid(self, why)
        self.held += amount

    def settle(self, reserved: int, cost: int) -> int:
        """Gives a hold back and takes the cost; what was paid."""
        self.held -= reserved
        paid = collected(cost, reserved, self.available, is_prepaid=self.is_prepaid)
        self.balance -= paid
        self.spent += paid
        return paid

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, from which `Purse(**…)` makes an equal one."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


class NotPaid(RequestFailed):
    """The account can't pay: 402, or 429 until the next month. To ask again at once is of no use."""

    def __init__(self, purse: Purse, why: Shortage) -> None:
        self.why = why
        has = "no credits left" if why is Shortage.CREDITS else "reached its monthly cap"
        super().__init__(
            f"The account of {purse.holder} has {has} for this request.",
            status=402 if why is Shortage.CREDITS else 429,
            error_class=why.value,
            code=why.value,
            retry_after_s=None if why is Shortage.CREDITS else purse.month_ends_in_s,
            is_hopeless=True,
        )


def collected(cost: int, reserved: int, available: int, *, is_prepaid: bool) -> int:
    """What a charge takes: never the holds of other requests, and no prepaid account below its floor.

    `available` is what is left once this request's own hold, `reserved`, is given back.
    """
    return min(cost, max(reserved, available)) if is_prepaid else cost


class Named(Protocol):
    """A group with its spec."""

    @property
    def spec(self) -> GroupSpec: ...


class Groups(Protocol):
    """Groups by name."""

    def get(self, name: str, /) -> Named | None: ...


def highest_nanousd(
    tokens_in: int,
    tokens_out: Callable[[DeploymentSpec], int],
    deployments: Iterable[DeploymentSpec],
    own_keys: Mapping[str, OwnKey],
    units: tuple[float, str] = (0.0, ""),
) -> int:
    """The highest cost of a request on the most expensive of these deployments.

    Deployments that only a person's own key pays for, or without a price, cost nothing. `units` are the most of what is
    charged besides tokens.
    """
    costs = [
        _usage(tokens_in, tokens_out(deployment), units).cost_usd(deployment) or 0.0
        for deployment in deployments
        if (own := own_keys.get(deployment.provider_id)) is None or own.may_fall_back
    ]
    return math.ceil(max(costs, default=0.0) * NANO)


def most_output_tokens(deployment: DeploymentSpec, limits: Iterable[float | None]) -> int:
    """The most tokens of an answer: the first of the limits that is one; never more than the model can write."""
    tokens = next((int(limit) for limit in limits if limit and limit > 0), 0)
    return min(tokens, deployment.max_output_tokens or tokens)


def tokens_of(size: int) -> int:
    """The most tokens that a body of `size` bytes may have."""
    return size // BYTES_PER_TOKEN


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


def _usage(tokens_in: int, tokens_out: int, units: tuple[float, str]) -> Usage:
    return Usage(tokens_in, tokens_out, tokens_in + tokens_out, units=units[0], unit=units[1])


def _fallbacks(spec: GroupSpec) -> tuple[str, ...]:
    return (*spec.fallback.groups, *spec.fallback.context_window_groups, *spec.fallback.content_policy_groups)
