"""What the first page of a group shows, read from the database: its traffic, its day, its breakers and alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from engine.core.state import DEPLOYMENT, KEY
from groups.models import RoutingGroup
from pages.discs import provider_types
from pages.groups.home.day_strip import DayStrip, strip_of, usual_share
from pages.groups.home.fallback_rows import FallbackRow, fallback_row
from pages.groups.home.production_frame import frame_of, trace_of
from pages.live_tester.rewinding import BEFORE, rewind_url
from tester.scene import Scene, mode_of, scene_of
from tester.scene.drawings import drawn_draft
from tester.scene.group import DrawnGroup
from usage.alerting.group_rule import SUBJECT_LIMIT
from usage.group_traffic.periods import GroupTraffic, Period, day_until, last, slice_at, traffic_and_recent
from usage.health.activity import GroupHealth, GroupState, health_now
from usage.health.causes import cause_of
from usage.health.cooldown_board import CoolingDown, current_cooldowns
from usage.health.standby_proofs import standby_states
from usage.health.standby_rules import StandbyState
from usage.models import Alert, AlertKind, RequestRecord

WINDOW = timedelta(minutes=15)
DAY = timedelta(days=1)
FALLBACKS = ALERTS = 5
SECONDS = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class DeadStandbyRow:
    """A deployment without traffic whose test requests fail."""

    name: str
    state: StandbyState

    @property
    def words(self) -> str:
        return f"its {self.state.words(timezone.now())}"


@dataclass(frozen=True)
class HomeState:
    """One group at one moment; `is_live`: the moment is now, and the window its last 15 minutes."""

    group: RoutingGroup
    drawn: DrawnGroup
    period: Period
    is_live: bool
    traffic: GroupTraffic
    scene: Scene
    strip: DayStrip
    usually_fell_back: float | None
    health: GroupHealth
    cause: str
    alerts: tuple[Alert, ...]
    cooldowns: tuple[CoolingDown, ...]
    fallbacks: tuple[FallbackRow, ...]
    dead: tuple[DeadStandbyRow, ...] = ()
    proofs: Mapping[str, StandbyState] = field(default_factory=dict)

    @property
    def p50_ms(self) -> float | None:
        return self.traffic.latency_at(0.5)

    @property
    def p95_ms(self) -> float | None:
        return self.traffic.latency_at(0.95)

    @property
    def first_token_ms(self) -> float | None:
        return self.traffic.first_token_at(0.95)

    @property
    def fell_back_share(self) -> float | None:
        return self.traffic.fell_back / self.traffic.requests if self.traffic.requests else None

    @property
    def cost_per_hour(self) -> float:
        """In US dollars, at the pace of the window."""
        return self.traffic.cost_usd * 3600 / self.period.seconds

    @property
    def per_second(self) -> float:
        return self.traffic.requests / self.period.seconds

    @property
    def is_calm(self) -> bool:
        return self.health.state in (GroupState.IDLE, GroupState.HEALTHY) and not self.dead

    @property
    def open_alert(self) -> Alert | None:
        return next((alert for alert in self.alerts if alert.resolved_at is None), None)

    @cached_property
    def log_url(self) -> str:
        """The requests of the window in the log."""
        return self.log(self.period)

    @property
    def failed_url(self) -> str:
        return f"{self.log_url}&outcome=failed"

    @property
    def fell_back_url(self) -> str:
        return f"{self.log_url}&fell_back=true"

    @property
    def rewind_url(self) -> str:
        """The Live Tester with the requests of the window."""
        return rewind_url(self.group.pk, self.period.since + BEFORE, None if self.is_live else self.period.until)

    @property
    def worst_url(self) -> str:
        """The Live Tester with the worst incident of the day."""
        worst = self.strip.worst
        return rewind_url(self.group.pk, worst.since, worst.until) if worst else ""

    def log(self, period: Period) -> str:
        """The requests of a period in the log."""
        query = {"group": self.group.name, "since": f"{period.since:{SECONDS}}", "until": f"{period.until:{SECONDS}}"}
        return f"{reverse('request-list')}?{urlencode(query)}"


def home_of(group: RoutingGroup, *, now: datetime, at: datetime | None = None) -> HomeState:
    """A group (with its deployments) now, or in the ten minutes of another moment; about ten queries."""
    deployments = list(group.deployments.all())
    drawn = drawn_draft(group, deployments)
    period = slice_at(at) if at else last(WINDOW, now=now)
    traffic, recent = traffic_and_recent(group.name, period)
    cooldowns = [] if at else [one for one in current_cooldowns() if group.name in one.groups]
    proofs = {} if at else standby_states(one.deployment_id for one in drawn.deployments)
    rows = _newest_fallbacks(group.name, period) if traffic.fell_back else []
    frame = frame_of(
        traffic,
        traffic if at else recent,
        cooldowns_s=_seconds_left(deployments, cooldowns),
        probing=_probing(deployments, cooldowns),
        seconds=period.seconds,
        last_fallback=trace_of(rows[0][4], outcome=rows[0][3]) if rows else None,
        standbys={name: {"words": proof.words(now), "is_dead": proof.is_dead} for name, proof in proofs.items()},
    )
    day = day_until(group.name, now)
    return HomeState(
        group=group,
        drawn=drawn,
        period=period,
        is_live=at is None,
        traffic=traffic,
        scene=scene_of(drawn, frame, mode_of(drawn.strategy)),
        strip=strip_of(day),
        usually_fell_back=usual_share(day),
        health=health_now(group.name),
        cause=cause_of(group.name) if traffic.failed else "",
        alerts=_alerts(group.name, now),
        cooldowns=tuple(cooldowns),
        fallbacks=_fallback_rows(rows),
        proofs=proofs,
        dead=tuple(
            DeadStandbyRow(one.name, proofs[one.deployment_id])
            for one in drawn.deployments
            if one.deployment_id in proofs and proofs[one.deployment_id].is_dead
        ),
    )


def _seconds_left(deployments: Sequence[Any], cooldowns: Sequence[CoolingDown]) -> dict[str, float]:
    left = {one.id: one.seconds_left for one in cooldowns if one.is_open}
    found = {}
    for row in deployments:
        if seconds := max((left.get(name, 0.0) for name in _breakers_of(row)), default=0.0):
            found[str(row.model_id)] = seconds
    return found


def _probing(deployments: Sequence[Any], cooldowns: Sequence[CoolingDown]) -> set[str]:
    """The deployments that one request at a time tries."""
    tried = {one.id for one in cooldowns if not one.is_open}
    return {str(row.model_id) for row in deployments if tried & _breakers_of(row)}


def _breakers_of(row: Any) -> set[str]:
    return {f"{DEPLOYMENT}{row.model_id}", f"{KEY}{row.model.provider_id}"}


def _newest_fallbacks(group: str, period: Period) -> list[Any]:
    rows = RequestRecord.objects.filter(
        model_group=group, fell_back=True, started_at__gte=period.since, started_at__lt=period.until
    )
    columns = ("call_id", "started_at", "duration_ms", "outcome", "attempts", "skipped")
    # By the time only: with a second column SQLite would sort all of them.
    return list(rows.order_by("-started_at").values_list(*columns)[:FALLBACKS])


def _fallback_rows(rows: Sequence[Any]) -> tuple[FallbackRow, ...]:
    if not rows:
        return ()
    names = {one.get("provider") or "" for *_, attempts, skipped in rows for one in (*attempts, *skipped)}
    types = provider_types(names)
    return tuple(fallback_row(row, types) for row in rows)


def _alerts(group: str, now: datetime) -> tuple[Alert, ...]:
    is_recent = Q(resolved_at=None) | Q(raised_at__gte=now - DAY)
    found = Alert.objects.filter(is_recent, kind=AlertKind.GROUP_FAILING, subject=group[:SUBJECT_LIMIT])
    return tuple(found.order_by("-raised_at")[:ALERTS])


def moment_in(text: str) -> datetime | None:
    """A moment in an address; None if there is none, or no such moment."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
