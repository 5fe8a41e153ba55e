"""The demo's group with its providers, to break one and see who answers instead."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Q

from access.rules import can_operate
from groups.demo_groups import ORDERED
from groups.models import Deployment, RoutingGroup, Strategy
from pages.discs import Disc, disc_of
from pages.guards import PersonRequest
from providers.demo.behaviour import PROVIDERS, current, demo_at, path_of
from providers.demo.breaking import BROKEN_FOR_S, broken_for_s
from providers.models import Provider


@dataclass(frozen=True, slots=True)
class DemoPlace:
    """A provider of the demo in its group; `left_s` are the seconds until it works again, 0 if it works.

    `fails` is the share of requests, of 1, that it was set to fail by its settings.
    """

    slug: str
    disc: Disc
    tier: int
    left_s: int
    fails: float

    @property
    def name(self) -> str:
        return self.disc.name


@dataclass(frozen=True, slots=True)
class DemoCard:
    """The group, and its providers in the order in which they are asked."""

    group: RoutingGroup
    places: tuple[DemoPlace, ...]

    @property
    def is_broken(self) -> bool:
        return any(place.left_s for place in self.places)


def demo_card(*, now: float) -> DemoCard | None:
    """The card at `now`, in seconds since 1970; None without a demo that can fall back for free. Two queries."""
    if not settings.DEMO:
        return None
    group = RoutingGroup.objects.with_deployments().filter(name=ORDERED, is_active=True).first()
    if group is None or group.strategy != Strategy.PRIORITY_FAILOVER:
        return None
    places = places_of(group.deployments.all(), now=now)
    return DemoCard(group, places) if len({place.tier for place in places}) > 1 else None


def demo_now() -> DemoCard | None:
    """The card at this moment."""
    return demo_card(now=time.time())


def is_all_demo() -> bool:
    """Whether there are no other providers than the demo's; one query."""
    return not Provider.objects.exclude(of_the_demo()).exists()


def of_the_demo(prefix: str = "") -> Q:
    """Rows of the demo's providers, or, with the prefix `provider__`, of their models."""
    found = Q(pk__in=[])
    for demo in PROVIDERS.values():
        found |= Q(**{f"{prefix}api_base__endswith": path_of(demo)})
    return found


def places_of(deployments: Iterable[Deployment], *, now: float) -> tuple[DemoPlace, ...]:
    """The places of a group's deployments; none if one of them is not the demo's, and might cost money."""
    places = []
    for row in deployments:
        demo = demo_at(row.model.provider.api_base)
        if demo is None:
            return ()
        left_s = math.ceil(broken_for_s(demo, now=now))
        disc, fails = disc_of(row.model.provider), current(demo).failure_rate
        places.append(DemoPlace(demo.slug, disc, row.priority or 1, left_s, fails))
    return tuple(sorted(places, key=lambda place: place.tier))


def demo_context(request: PersonRequest, card: DemoCard | None) -> dict[str, Any]:
    """The context of the card."""
    return {"demo": card, "can_operate": can_operate(request.user), "broken_for_s": BROKEN_FOR_S}
