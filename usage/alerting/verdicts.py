"""Measures and a threshold -> the alerts to raise, in words for the person who must act.

Pure. An `open` alert stays until its share is below 80 % of the threshold, so that values around the threshold raise
one alert, not many; groups have their own margin (see `group_rule.py`). A day's cost only grows, and one success ends a
row of failed probes: no margin there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from lib.typography import THIN
from usage.alerting.group_rule import SUBJECT_LIMIT, FailingGroup
from usage.alerting.measures import DayCosts, FailingProvider, KeyMinute
from usage.health.dead_standbys import DeadStandby
from usage.health.processes import Processes
from usage.health.recent import Tries
from usage.percents import percent

CONSOLE = "console"
KEPT_FROM = 0.8
LEAST_DAYS = 3
LEAST_USD = 1.0
A_CENT = 0.01
LEAST_TRIES = 20
ERROR_LIMIT = 300
CAUSE_LIMIT, MOST_CAUSES = 180, 20
NAMES_LIMIT = 120


@dataclass(frozen=True, slots=True)
class Breach:
    """Something above its threshold; `subject` is its id."""

    subject: str
    message: str


def provider_down(failing: Iterable[FailingProvider]) -> list[Breach]:
    """A breach for each of these, which failed too many probes."""
    return [Breach(provider.provider_id, _down_message(provider)) for provider in failing]


def _down_message(provider: FailingProvider) -> str:
    since = f"{provider.since:%Y-%m-%d %H:%M} UTC" if provider.since else "some time"
    why = provider.error[:ERROR_LIMIT].rstrip(". ")
    return (
        f"{provider.name} has failed {provider.failed_probes} probes in a row since {since}: {why}. "
        "Test it on its page; if it stays down, disable it."
    )


def cost_spike(costs: DayCosts, factor: float) -> list[Breach]:
    """One breach for the console if today costs over `factor` times an average day.

    None within the first three full days, or under a dollar: a first request is not a spike.
    """
    days, today = len(costs.before_usd), costs.today_usd
    average = sum(costs.before_usd) / days if days else 0.0
    if days < LEAST_DAYS or today < LEAST_USD or today <= factor * average:
        return []
    beside = f"{today / average:,.1f} times the ${average:,.2f} of" if average >= A_CENT else "after next to nothing on"
    message = f"Today has cost ${today:,.2f} by now, {beside} an average day (the last {days})."
    return [Breach(CONSOLE, f"{message} Usage shows who spent it; a monthly cap bounds it.")]


def error_rate(tries: Iterable[Tries], percent: float, *, open: Collection[str] = ()) -> list[Breach]:
    """A breach for each provider with over `percent` failed attempts; with fewer than 20 attempts only if its alert is
    open."""
    return [Breach(t.provider, _errors_message(t, percent)) for t in tries if _is_erring(t, percent, open)]


def _is_erring(tries: Tries, percent: float, open: Collection[str]) -> bool:
    failed_percent = 100 * tries.failed_share
    if tries.provider in open:
        return failed_percent >= KEPT_FROM * percent
    return tries.tried >= LEAST_TRIES and failed_percent > percent


def _errors_message(tries: Tries, percent: float) -> str:
    share = 100 * tries.failed_share
    return (
        f"{tries.name} failed {tries.failed:,} of {tries.tried:,} attempts in the last 10 minutes ({share:.1f}{THIN}%, "
        f"alarming over {percent:g}{THIN}%). The request log shows its errors; if it goes on, disable it."
    )


def group_failing(groups: Iterable[FailingGroup], cause_of: Callable[[str], str]) -> list[Breach]:
    """A breach for each of these, with its cause; only for the first few, because each needs a query of the log."""
    return [
        Breach(group.group[:SUBJECT_LIMIT], _failing_message(group, cause_of(group.group) if n < MOST_CAUSES else ""))
        for n, group in enumerate(groups)
    ]


def _failing_message(group: FailingGroup, cause: str) -> str:
    because = f": {cause[:CAUSE_LIMIT]}" if cause else ""
    share = percent(group.failed / group.requests)
    return (
        f"{group.group[:SUBJECT_LIMIT]} {group.numbers} ({share}){because}. "
        "The request log shows them; a rehearsal shows what another order or a fallback would do."
    )


def secrets_differ(processes: Processes, least: float) -> list[Breach]:
    """One breach for the console if so many server processes have other secrets than they should."""
    strangers = max(processes.refusing, processes.secrets - 1)
    return [Breach(CONSOLE, processes.of_secrets)] if processes.of_secrets and strangers >= least else []


def standby_dead(standbys: Iterable[DeadStandby], *, open: Collection[str] = ()) -> list[Breach]:
    """A breach for each provider whose deployments failed too many test requests in a row: one outage, one alert.

    While its other deployments answer, the provider is not the cause: then there is one for each group instead. The
    `open` alert of a provider stays until all of them answer, so that its recovery raises no new alerts.
    """
    of_provider: dict[str, list[DeadStandby]] = {}
    for standby in standbys:
        of_provider.setdefault(standby.provider_id, []).append(standby)
    found: dict[str, list[DeadStandby]] = {}
    for provider_id, rows in of_provider.items():
        is_one = provider_id in open or not _others_answer(rows)
        for row in rows:
            found.setdefault(provider_id if is_one else row.groups[0][:SUBJECT_LIMIT], []).append(row)
    return [Breach(subject, _dead_message(rows)) for subject, rows in found.items()]


def _others_answer(rows: Sequence[DeadStandby]) -> bool:
    """Whether another deployment of the provider has answered since the last of these began to fail."""
    answered = rows[0].provider_answered_at
    return answered is not None and all(row.since and answered > row.since for row in rows)


def _dead_message(rows: Sequence[DeadStandby]) -> str:
    began = min((row.since for row in rows if row.since), default=None)
    since = f"{began:%Y-%m-%d %H:%M} UTC" if began else "some time"
    groups = list(dict.fromkeys(name for row in rows for name in row.groups))
    where = f"without traffic in {_first_of(groups[:1], len(groups), 'group')}"
    why = rows[0].error[:CAUSE_LIMIT].rstrip(". ")
    if len(rows) == 1:
        (row,) = rows
        requests = "1 test request" if row.failed == 1 else f"{row.failed:,} test requests in a row"
        return (
            f"{row.name[:CAUSE_LIMIT]}, {where}, has failed {requests} since {since}: {why}. "
            "A fallback to it would fail too."
        )
    return (
        f"{len(rows):,} deployments {where} have failed test requests in a row since {since}: {_names_of(rows)}. "
        f"{why}. Fallbacks to them would fail too."
    )


def _names_of(rows: Sequence[DeadStandby]) -> str:
    """As many of the names as fit, and the number of the others."""
    names = sorted(row.name for row in rows)
    count = sum(1 for length in accumulate(len(name) + 2 for name in names) if length <= NAMES_LIMIT) or 1
    return _first_of([name[:NAMES_LIMIT] for name in names[:count]], len(names))


def _first_of(shown: Sequence[str], all: int, noun: str = "") -> str:
    """`llama and 3 more groups`, `llama, qwen and 48 more`."""
    more = all - len(shown)
    if not more:
        return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
    return f"{', '.join(shown)} and {more:,} more{f' {noun}' if noun else ''}{'s' if noun and more > 1 else ''}"


def rate_limit(minutes: Iterable[KeyMinute], percent: float, *, open: Collection[str] = ()) -> list[Breach]:
    """A breach for each key that used over `percent` of a limit, or was refused because of one."""
    found = []
    for minute in minutes:
        limit = percent / 100 * (KEPT_FROM if minute.key_id in open else 1.0)
        share, words = _nearest_limit(minute)
        if minute.refused or share > limit:
            found.append(Breach(minute.key_id, _limit_message(minute, share, words)))
    return found


def _nearest_limit(minute: KeyMinute) -> tuple[float, str]:
    """The used share of the nearer limit, and what it counts."""
    used = [(minute.requests, minute.rpm, "requests"), (minute.tokens, minute.tpm, "tokens")]
    shares = [(number / limit, f"{number:,} of its {limit:,} {what}") for number, limit, what in used if limit]
    return max(shares, default=(0.0, ""))


def _limit_message(minute: KeyMinute, share: float, words: str) -> str:
    those = "request was" if minute.refused == 1 else "requests were"
    refused = f", and {minute.refused:,} {those} refused" if minute.refused else ""
    return (
        f"The key '{minute.name}' of {minute.owner} used {words} in a minute ({100 * share:.0f}{THIN}%){refused}. "
        "Give it a higher limit, or let its program ask more slowly: over the limit it gets 429."
    )
