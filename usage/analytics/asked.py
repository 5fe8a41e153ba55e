"""A query: a period and filters; and the buckets that answer it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from usage.analytics.numbers import DIMENSIONS, Dimension
from usage.models import Grain, UsageBucket, UsageSeries
from usage.request_log.retention import HOURS_KEPT
from usage.rollups.tallies import next_month, start_of

BY_HOURS = timedelta(hours=72)
STEPS = {Grain.HOUR: timedelta(hours=1), Grain.DAY: timedelta(days=1)}
# The columns that identify a series, and the column of its name.
COLUMNS: dict[Dimension, tuple[str, str]] = {
    "provider": ("provider", "provider_id"),
    "model": ("deployment_name", "deployment_id"),
    "group": ("model_group", ""),
    "team": ("team", "team_id"),
    "key": ("key_name", "key_id"),
    "owner": ("owner", ""),
    "virtual_model": ("virtual_model", ""),
}
# Names of teams and keys can be reused, so their ids identify them.
TOLD_BY_ID: frozenset[Dimension] = frozenset({"team", "key"})


@dataclass(frozen=True, slots=True)
class AnalyticsQuery:
    """Requests from `since` (None: the first) until `until` (None: now) that match the filters.

    Teams and keys are given by id or name, the others by name; `model` is a deployment's name, `provider/model`, or the
    provider's name of the model.
    """

    since: datetime | None = None
    until: datetime | None = None
    team: str = ""
    key_id: str = ""
    owner: str = ""
    group: str = ""
    provider: str = ""
    model: str = ""
    virtual_model: str = ""

    @property
    def is_of_upstreams(self) -> bool:
        """Whether it filters by a provider or a model, whose success is counted by attempts."""
        return bool(self.provider or self.model)

    @property
    def wanted(self) -> Q:
        """The filters as a condition on the columns that the log and the series share."""
        wanted = Q()
        for text, columns in (
            (self.team, ("team_id", "team")),
            (self.key_id, ("key_id", "key_name")),
            (self.owner, ("owner",)),
            (self.group, ("model_group",)),
            (self.provider, ("provider", "provider_id")),
            (self.model, ("deployment_name", "model", "deployment_id")),
            (self.virtual_model, ("virtual_model",)),
        ):
            if text:
                wanted &= Q(*((column, text) for column in columns), _connector=Q.OR)
        return wanted

    @property
    def series(self) -> QuerySet[UsageSeries] | None:
        """The series that match the filters; None for all of them."""
        wanted = self.wanted
        return UsageSeries.objects.filter(wanted) if wanted else None


@dataclass(frozen=True, slots=True)
class Window:
    """The buckets of a period: those of `grain` that begin from `since` on and before `until`.

    `is_from_first` and `is_until_now`: there are no counts before it, or after it.
    """

    grain: Grain
    since: datetime
    until: datetime
    is_from_first: bool = False
    is_until_now: bool = False

    def starts(self) -> Iterator[datetime]:
        """The beginning of each bucket."""
        start = self.since
        while start < self.until:
            yield start
            start += STEPS[self.grain]

    @property
    def buckets(self) -> Q:
        """The buckets that add up to the window: as few as possible, whole months instead of days."""
        whole = Window(Grain.MONTH, *self._whole_months())
        if self.grain == Grain.HOUR or whole.since >= whole.until:
            return self.points
        edges = Window(self.grain, self.since, whole.since), Window(self.grain, whole.until, self.until)
        wanted = whole.points
        for edge in edges:
            if edge.since < edge.until:
                wanted |= edge.points
        return wanted

    @property
    def points(self) -> Q:
        """The buckets of its own grain."""
        return Q(grain=self.grain, start__gte=self.since, start__lt=self.until)

    def _whole_months(self) -> tuple[datetime, datetime]:
        """The start and end of the whole months; start > end if there are none."""
        begin, end = start_of(self.since, Grain.MONTH), start_of(self.until, Grain.MONTH)
        if begin < self.since and not self.is_from_first:
            begin = next_month(begin)
        return begin, self.until if self.is_until_now else end


@dataclass(frozen=True, slots=True)
class FilterOption:
    """An option of a filter; `value` is for `AnalyticsQuery`."""

    value: str
    name: str


def period(text: str) -> datetime | None:
    """The start of `24h`, `7d`, `30d` or any other `…d`, including the current hour or day; None for `all`.

    Raises ValueError for anything else.
    """
    now = timezone.now()
    if text == "all":
        return None
    if text == "24h":
        return start_of(now, Grain.HOUR) - timedelta(hours=23)
    if not text.endswith("d") or not text[:-1].isdecimal() or not 1 <= int(text[:-1]) <= 3650:
        raise ValueError("A period is 24h, 7d, 30d, 90d or all.")
    return start_of(now, Grain.DAY) - timedelta(days=int(text[:-1]) - 1)


def window_of(asked: AnalyticsQuery, grain: Grain | None = None) -> Window:
    """By hours for up to 72 hours, as long as hours are kept; otherwise, or on request, by days.

    `since` is rounded down.
    """
    now = timezone.now()
    until = min(asked.until or now, now)
    since = asked.since or _first_day() or until
    is_fine = asked.since is not None and until - since <= BY_HOURS and now - since < HOURS_KEPT
    grain = grain or (Grain.HOUR if is_fine else Grain.DAY)
    return Window(grain, start_of(since, grain), until, asked.since is None, until == now)


def _first_day() -> datetime | None:
    days = UsageBucket.objects.filter(grain=Grain.DAY).order_by("start")
    return days.values_list("start", flat=True).first()


def choices() -> dict[Dimension, list[FilterOption]]:
    """All values that were ever used, by dimension and name, for the selects of filters; one query."""
    columns = list(dict.fromkeys(column for pair in COLUMNS.values() for column in pair if column))
    rows = list(UsageSeries.objects.order_by("pk").values_list(*columns))
    values = dict(zip(columns, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(columns, ())
    return {dimension: _choices(dimension, values) for dimension in DIMENSIONS}


def _choices(dimension: Dimension, values: Mapping[str, Sequence[str]]) -> list[FilterOption]:
    """The options from the columns of all series, oldest first."""
    name, pk = COLUMNS[dimension]
    if dimension not in TOLD_BY_ID:
        return [FilterOption(text, text) for text in sorted(set(values[name]) - {""})]
    newest = dict(zip(values[pk], values[name], strict=True))
    found = (FilterOption(value, text or value) for value, text in newest.items() if value)
    return sorted(found, key=lambda choice: choice.name)
