"""The tables of this room: their filters and sort orders."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from access.models import ApiKey, ApiKeyQuerySet, Membership, Role, Team, TeamQuerySet, User
from access.rules import has_role, managerships_of

ACTIVE = {"active": True, "inactive": False}
NAMES_OFFERED = 200
ORDERS = {
    "name": (F("name").asc(), F("created_at").desc()),
    "used": (F("last_used_at").desc(nulls_last=True), F("created_at").desc()),
    "expiry": (F("expires_at").asc(nulls_last=True), F("created_at").desc()),
}
NEWEST = (F("created_at").desc(), F("pk").asc())


def teams_matching(q: str = "") -> QuerySet[Team]:
    """Teams whose name or description contains `q`, with `member_count` and `key_count` (working keys)."""
    rows = Team.objects.filter(Q(name__icontains=q) | Q(description__icontains=q)) if q else Team.objects.all()
    members, keys = Membership.objects.all(), ApiKey.objects.usable()
    return rows.annotate(member_count=_count(members), key_count=_count(keys)).order_by("name")


def teams_managed_by(person: User) -> TeamQuerySet:
    """The teams whose keys this person issues: for admins all of them."""
    if has_role(person, Role.ADMIN):
        return Team.objects.all()
    return Team.objects.filter(memberships__in=managerships_of(person))


def people_matching(chosen: dict[str, Any]) -> QuerySet[User]:
    """The people that match these filters (`q`, `role`, `status`), with their teams."""
    rows = User.objects.filter(username__icontains=chosen.get("q", "")).prefetch_related("memberships__team")
    if role := chosen.get("role"):
        rows = rows.filter(role=Role.STRANGER if role == "none" else role)
    if status := chosen.get("status"):
        rows = rows.filter(is_active=ACTIVE[status])
    return rows.order_by("username")


def keys_in_order(rows: ApiKeyQuerySet, order: str = "") -> QuerySet[ApiKey]:
    """The keys in one of ORDERS, else newest first, with the names of owner and team."""
    return rows.select_related("owner", "team").order_by(*ORDERS.get(order, NEWEST))


def names_of_people(*, outside: Team | None = None) -> list[str]:
    """The first names to pick from: active people, or only those outside a team."""
    rows = User.objects.filter(is_active=True)
    rows = rows.exclude(memberships__team=outside) if outside else rows
    return list(rows.order_by("username").values_list("username", flat=True)[:NAMES_OFFERED])


def _count(rows: QuerySet[Any]) -> Coalesce:
    """How many of the rows belong to the team of the outer query, counted apart from other joins."""
    counted = rows.filter(team=OuterRef("pk")).order_by().values("team").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
