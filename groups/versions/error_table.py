"""What follows from which kind of error in a group, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.failures import FallbackList, Kind, Rule, Strikes, rules_with
from engine.core.journey import LONGEST_PAUSE_S
from engine.spec import RetryPolicy

KINDS = {
    Kind.RATE_LIMIT: "429 rate limit",
    Kind.SERVER: "5xx, unreadable answer",
    Kind.UNREACHABLE: "No connection, broken connection",
    Kind.TIMEOUT: "Time limit",
    Kind.NOT_FOUND: "404 not found",
    Kind.NOT_SERVED: "404, endpoint not served",
    Kind.FORBIDDEN: "403 forbidden",
    Kind.CREDENTIALS: "401 key refused",
    Kind.QUOTA: "402, quota used up",
    Kind.OWN_KEY: "Caller's own key refused",
    Kind.CONTEXT_LENGTH: "Prompt too long",
    Kind.CONTENT_POLICY: "Content policy",
    Kind.BAD_REQUEST: "400, fault of the request",
}
COUNTS_AGAINST = {Strikes.NOTHING: "nobody", Strikes.DEPLOYMENT: "the deployment", Strikes.KEY: "the provider's key"}
FALLBACKS = {
    FallbackList.GENERAL: "the fallback groups",
    FallbackList.CONTEXT: "the groups for long prompts",
    FallbackList.CONTENT: "the groups for the content policy",
    FallbackList.NONE: "",
}


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One kind of error. `here` says how it is retried, `elsewhere` who is asked next, `counts_against` whose cooldown
    it may start; `is_own` says that the group has changed it."""

    kind: str
    label: str
    here: str
    elsewhere: str
    counts_against: str
    is_own: bool


def error_rows(policy: RetryPolicy) -> tuple[ErrorRow, ...]:
    """The core's table with the group's own rules in it."""
    rules, own = rules_with(policy.by_error), {rule.kind for rule in policy.by_error}
    return tuple(
        ErrorRow(kind.value, KINDS[kind], _here(kind, rule, policy), _elsewhere(rule), _counts(rule), kind.value in own)
        for kind, rule in rules.items()
    )


def words_of(rules: Mapping[str, Mapping[str, Any]]) -> str:
    """A stored `by_error` in words: `Time limit: 1 retry, after 2 s; 404 not found: nobody else`."""
    return "; ".join(f"{KINDS[Kind(kind)]}: {', '.join(_parts(rule))}" for kind, rule in rules.items())


def _parts(rule: Mapping[str, Any]) -> Iterator[str]:
    if "here" in rule:
        yield retries(rule["here"])
    if "wait_s" in rule:
        yield f"after {rule['wait_s']:g} s"
    if "elsewhere" in rule:
        yield "others too" if rule["elsewhere"] else "nobody else"


def retries(count: int) -> str:
    """`no retry`, `1 retry`, `2 retries`."""
    return "no retry" if not count else "1 retry" if count == 1 else f"{count} retries"


def _here(kind: Kind, rule: Rule, policy: RetryPolicy) -> str:
    most = policy.num_retries if rule.most is None else rule.most
    if not rule.again or not most:
        return "no retry"
    return f"{retries(most)}, {_wait(kind, rule, policy)}"


def _wait(kind: Kind, rule: Rule, policy: RetryPolicy) -> str:
    if rule.wait_s is not None:
        return f"after {max(rule.wait_s, policy.retry_after_s):g} s"
    if kind is Kind.RATE_LIMIT:
        return f"after Retry-After, at most {policy.retry_after_max_s:g} s"
    if policy.retry_after_s:
        return f"after {policy.retry_after_s:g} s or more"
    return f"after up to {LONGEST_PAUSE_S:g} s"


def _elsewhere(rule: Rule) -> str:
    if rule.fallbacks is FallbackList.NONE:
        return "nobody"
    others = "other deployments, then " if rule.elsewhere else ""
    return f"{others}{FALLBACKS[rule.fallbacks]}"


def _counts(rule: Rule) -> str:
    return f"{COUNTS_AGAINST[rule.strikes]}{', at once' if rule.opens else ''}"
