"""The request log, its sums, saved filters, alerts, cooldowns, trips, standby proofs, server processes and stored
responses."""

from __future__ import annotations

from usage.models.alert_channels import AlertChannel, AlertDelivery, ChannelKind
from usage.models.alerts import Alert, AlertKind, AlertQuerySet, AlertRule
from usage.models.cooldowns import BreakerState, BreakerTrip, CooldownRecord
from usage.models.group_traffic import GroupCount
from usage.models.processes import ServerProcess
from usage.models.recent import RecentCount, RecentKind
from usage.models.requests import RequestQuerySet, RequestRecord
from usage.models.rollups import Grain, LatencyCount, UsageBucket, UsageSeries
from usage.models.saved_filters import SavedFilter
from usage.models.standby import StandbyProof
from usage.models.stored_responses import StoredItem, StoredResponse

__all__ = [
    "Alert",
    "AlertChannel",
    "AlertDelivery",
    "AlertKind",
    "AlertQuerySet",
    "AlertRule",
    "BreakerState",
    "BreakerTrip",
    "ChannelKind",
    "CooldownRecord",
    "Grain",
    "GroupCount",
    "LatencyCount",
    "RecentCount",
    "RecentKind",
    "RequestQuerySet",
    "RequestRecord",
    "SavedFilter",
    "ServerProcess",
    "StandbyProof",
    "StoredItem",
    "StoredResponse",
    "UsageBucket",
    "UsageSeries",
]
