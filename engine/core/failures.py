"""Kinds of failures, and the one table that says what each means for the request and for the deployment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.spec import ErrorRule


class Kind(StrEnum):
    """What went wrong with one attempt, as far as another deployment, another key or waiting could help."""

    CONTEXT_LENGTH = "context_length"
    CONTENT_POLICY = "content_policy"
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    CREDENTIALS = "credentials"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    NOT_SERVED = "not_served"
    TIMEOUT = "timeout"
    BAD_REQUEST = "bad_request"
    SERVER = "server"
    UNREACHABLE = "unreachable"
    OWN_KEY = "own_key"


class FallbackList(StrEnum):
    """The list of fallback groups that a failure leads to; the general one where the named one is empty."""

    GENERAL = "groups"
    CONTEXT = "context_window_groups"
    CONTENT = "content_policy_groups"
    NONE = "none"


class Strikes(StrEnum):
    """What a failure counts against."""

    NOTHING = "nothing"
    DEPLOYMENT = "deployment"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows from a kind of failure.

    `again`: the same deployment may be asked once more, after a pause. `elsewhere`: so may the others of its group.
    `fallbacks`: the groups to go on to. `strikes` is the breaker that counts it, `opens` whether one is enough to open
    it. A group may say how often at `most` a request is repeated after it (None: as after any other), and that a
    repeat waits at least `wait_s`. With `again` but not `elsewhere`, repeats come before the fallback groups.
    """

    again: bool
    elsewhere: bool
    fallbacks: FallbackList
    strikes: Strikes
    opens: bool = False
    most: int | None = None
    wait_s: float | None = None


_GENERAL, _CONTEXT, _CONTENT = FallbackList.GENERAL, FallbackList.CONTEXT, FallbackList.CONTENT
_NOTHING, _DEPLOYMENT, _KEY = Strikes.NOTHING, Strikes.DEPLOYMENT, Strikes.KEY

RULES: dict[Kind, Rule] = {
    #                         again  elsewhere fallbacks strikes      opens
    Kind.RATE_LIMIT:     Rule(True,  True,     _GENERAL, _DEPLOYMENT, True),
    Kind.SERVER:         Rule(True,  True,     _GENERAL, _DEPLOYMENT),
    Kind.UNREACHABLE:    Rule(True,  True,     _GENERAL, _DEPLOYMENT),
    Kind.TIMEOUT:        Rule(False, True,     _GENERAL, _DEPLOYMENT),
    Kind.NOT_FOUND:      Rule(False, True,     _GENERAL, _DEPLOYMENT, True),
    Kind.NOT_SERVED:     Rule(False, True,     _GENERAL, _NOTHING),
    Kind.FORBIDDEN:      Rule(False, True,     _GENERAL, _DEPLOYMENT, True),
    Kind.CREDENTIALS:    Rule(False, True,     _GENERAL, _KEY,        True),
    Kind.QUOTA:          Rule(False, True,     _GENERAL, _KEY,        True),
    Kind.OWN_KEY:        Rule(False, True,     _GENERAL, _NOTHING),
    Kind.CONTEXT_LENGTH: Rule(False, True,     _CONTEXT, _NOTHING),
    Kind.CONTENT_POLICY: Rule(False, False,    _CONTENT, _NOTHING),
    Kind.BAD_REQUEST:    Rule(False, False,    _GENERAL, _NOTHING),
}  # fmt: skip


def rules_with(changes: Iterable[ErrorRule]) -> dict[Kind, Rule]:
    """The table as a group wants it."""
    return RULES | {Kind(change.kind): _changed(RULES[Kind(change.kind)], change) for change in changes}


def _changed(rule: Rule, change: ErrorRule) -> Rule:
    if change.here is not None:
        rule = replace(rule, again=change.here > 0, most=change.here)
    if change.elsewhere is not None:
        fallbacks = rule.fallbacks if change.elsewhere else FallbackList.NONE
        rule = replace(rule, elsewhere=change.elsewhere, fallbacks=fallbacks)
    return rule if change.wait_s is None else replace(rule, wait_s=change.wait_s)


KIND_OF_STATUS = {
    401: Kind.CREDENTIALS,
    402: Kind.QUOTA,
    403: Kind.FORBIDDEN,
    404: Kind.NOT_FOUND,
    405: Kind.NOT_FOUND,
    408: Kind.TIMEOUT,
    410: Kind.NOT_FOUND,
    429: Kind.RATE_LIMIT,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """How one attempt failed.

    `retry_after_s` is what the upstream asked for, in seconds from now. `word` says it in the cause of a cooldown
    ("503", "timeout"); `cause` is the driver's own, which the core passes on and never looks at.
    """

    kind: Kind
    retry_after_s: float | None = None
    word: str = ""
    cause: object = None

    @property
    def rule(self) -> Rule:
        """What follows from it."""
        return RULES[self.kind]


def kind_of_status(status: int) -> Kind:
    """By HTTP status alone, for a caller who has not read the body. A redirect says that the address is wrong."""
    if status < 400:
        return Kind.NOT_FOUND
    return KIND_OF_STATUS.get(status) or (Kind.SERVER if status >= 500 else Kind.BAD_REQUEST)
