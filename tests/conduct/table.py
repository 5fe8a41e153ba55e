"""The words of the table of conduct: shapes of groups, what upstreams do, and what is expected of one request.

upstreams   A=503,200 B=hang     what each deployment does: in turn, the last for ever; not named: it answers
asked       A=503 ~ A=200        the attempts: `~` asks it again (a retry), `+` another one of its tier, `>` one of
                                 another tier or group (a fallback), `<` one there that was asked before (both), `^`
                                 goes on with a stream that broke (a rescue), `&` runs beside a slow one (a hedge)
            A=503 > B=200 | …    where chance decides, one way or the other
skipped     A:cooling            who was not asked, and why; `A:cooling(290-300)` for how many seconds more
sees        429 all_cooling_down the caller's status and error code; `200 broken` is a stream that breaks off
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

Span = tuple[float, float]
PLAIN, STREAMED = (False,), (True,)
BOTH = (False, True)
# What the ledger says of an attempt at an upstream that does this: the status that came, and the error's class.
CAME: dict[str, tuple[int | None, str | None]] = {
    "200": (200, None),
    "slow": (200, None),
    "400": (400, "BadRequestError"),
    "401": (401, "AuthenticationError"),
    "402": (402, "APIError"),
    "403": (403, "APIError"),
    "404": (404, "NotFoundError"),
    "429": (429, "RateLimitError"),
    "408": (408, "Timeout"),
    "413": (413, "APIError"),
    "418": (418, "APIError"),
    "422": (422, "BadRequestError"),
    "502": (502, "BadGatewayError"),
    "504": (504, "Timeout"),
    "quota": (429, "QuotaUsedUpError"),
    "500": (500, "InternalServerError"),
    "503": (503, "ServiceUnavailableError"),
    "529": (529, "APIError"),
    "long": (400, "ContextWindowExceededError"),
    "policy": (400, "ContentPolicyViolationError"),
    "reset": (None, "UpstreamConnectionError"),
    "refused": (None, "UpstreamConnectionError"),
    "hang": (None, "Timeout"),
    "mute": (None, "Timeout"),
    "mute0": (None, "Timeout"),
    "cut": (None, "UpstreamConnectionError"),
    "cut0": (None, "UpstreamConnectionError"),
    "void": (None, "UpstreamConnectionError"),
    "empty": (None, "UnreadableAnswerError"),
    "page": (None, "UnreadableAnswerError"),
    "307": (307, "UnreadableAnswerError"),
    "blocked": (None, "ContentPolicyViolationError"),
    "late": (503, "ServiceUnavailableError"),
    "other": (None, None),
    "lost": (None, None),
    "fault": (None, "InternalServerError"),
    "fault_named": (500, "InternalServerError"),
    "calls": (200, None),
    "calls_cut": (None, "UpstreamConnectionError"),
    "call_cut": (None, "UpstreamConnectionError"),
}
DEPLOYMENT = re.compile(r"(?P<name>[A-Z])(\*(?P<weight>\d+))?(!(?P<rpm>\d+))?(@(?P<key>\w+))?")
ACT = re.compile(r"(?P<word>\w+)(\((?P<value>[\d.]+|date)\))?(<(?P<until>[\d.]+))?(\*(?P<times>\d+))?")
SKIP = re.compile(r"(?P<name>[A-Z]):(?P<reason>\w+)(\((?P<low>[\d.]+)-(?P<high>[\d.]+)\))?")


@dataclass(frozen=True)
class Place:
    """A deployment in a group; `key` names its provider."""

    name: str
    tier: int
    weight: int | None = None
    rpm: int | None = None
    key: str = ""


@dataclass(frozen=True)
class Shape:
    """A group: `A B / C` is a tier of two, then one more; `A*0` has weight 0, `A!10` ten requests a minute, `A@k` the
    key k. `general`, `context` and `content` are fallback groups of the same settings, each written like `tiers`;
    `also` are groups beside it, with some of the same deployments. `by_error` is as in `retry_config`. Clients ask at
    the `door`, whose dialect the providers speak, with or without `tools`."""

    tiers: str
    strategy: str = "priority-failover"
    retries: int = 1
    moves: int = 5
    timeout_s: float = 5.0
    first_token_s: float | None = None
    idle_s: float = 1.0
    cooldown_s: float | None = None
    allowed_fails: int | None = None
    general: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    by_error: dict[str, dict[str, Any]] = field(default_factory=dict)
    rescues: bool = False
    prefills: bool = False
    hedge_ms: int | None = None
    hedge_budget: float = 1.0
    door: str = "chat"
    tools: bool = False

    def but(self, **settings: Any) -> Shape:
        """The same with other settings."""
        return replace(self, **settings)

    @property
    def groups(self) -> dict[str, str]:
        """The tiers of all its groups, fallback groups first, by what they are called: `main`, `general-0`."""
        kinds = {"general": self.general, "context": self.context, "content": self.content, "also": self.also}
        return {f"{kind}-{n}": text for kind, texts in kinds.items() for n, text in enumerate(texts)} | {
            "main": self.tiers
        }

    @property
    def names(self) -> list[str]:
        """All deployments, each once."""
        return sorted({place.name for tiers in self.groups.values() for place in places(tiers)})


def places(tiers: str) -> list[Place]:
    """`A B / C` as deployments."""
    found = [(n, text) for n, tier in enumerate(tiers.split(" / "), start=1) for text in tier.split()]
    return [_place(text, tier) for tier, text in found]


def _place(text: str, tier: int) -> Place:
    match = DEPLOYMENT.fullmatch(text)
    assert match, text
    weight, rpm = (None if match[name] is None else int(match[name]) for name in ("weight", "rpm"))
    return Place(match["name"], tier, weight, rpm, match["key"] or match["name"])


@dataclass(frozen=True)
class Act:
    """What an upstream does with one request. `value` is a Retry-After or a delay in seconds; `until_s` says until
    which second of the case it does so with each, `times` with how many (None: for ever)."""

    word: str
    value: float | None = None
    is_date: bool = False
    until_s: float | None = None
    times: int | None = 1


def acts(upstreams: str) -> dict[str, list[Act]]:
    """What each upstream does in turn; the last for ever."""
    found = {}
    for part in upstreams.split():
        name, _, texts = part.partition("=")
        row = [_act(text) for text in texts.split(",")]
        found[name] = [*row[:-1], replace(row[-1], times=None)]
    return found


def _act(text: str) -> Act:
    match = ACT.fullmatch(text)
    assert match, text
    assert match["word"] in CAME, text
    is_date, until = match["value"] == "date", match["until"]
    value = 5.0 if is_date else float(match["value"]) if match["value"] else None
    times = None if until else int(match["times"] or 1)
    return Act(match["word"], value, is_date, float(until) if until else None, times)


@dataclass
class Script:
    """What one upstream does with one request after another."""

    acts: list[Act]
    _done: int = field(default=0, init=False)

    def next(self, at_s: float) -> Act:
        """The next act, in this second of the case."""
        act = self.acts[0]
        if self._is_over(act, at_s):
            self.acts, self._done = self.acts[1:], 0
            return self.next(at_s)
        self._done += 1
        return act

    def _is_over(self, act: Act, at_s: float) -> bool:
        if len(self.acts) == 1:
            return False
        return at_s >= act.until_s if act.until_s is not None else self._done >= (act.times or 0)


@dataclass(frozen=True)
class Row:
    """One request, and what is expected of it: see above. Times are seconds.

    `again` is the span of its Retry-After (None: there is none), `hopeless` says that x-should-retry is false. Before
    it `before` requests go the same way, one every `every_s` (on the gateway one after another), and `pause_s` passes.
    They go through the group `via`. `takes` is the time of a free machine.
    `only` is the one side that runs it, `why` says why.
    """

    name: str
    shape: Shape
    upstreams: str
    asked: str
    sees: str = "200"
    skipped: str = ""
    again: Span | None = None
    hopeless: bool = False
    takes: Span = (0.0, 0.1)
    streamed: tuple[bool, ...] = BOTH
    before: int = 0
    pause_s: float = 0.0
    every_s: float = 0.05
    via: str = "main"
    only: str = ""
    why: str = ""

    @property
    def attempts(self) -> list[list[str]]:
        """The ways it may go, each in the words of `Seen.attempts`."""
        return [
            [_attempt(part) for part in re.split(r"([~+><^&])", way) if part.strip()] for way in self.asked.split("|")
        ]

    @property
    def skips(self) -> list[tuple[str, Span | None]]:
        """`A cooling`, and for how many seconds more."""
        matches = [SKIP.fullmatch(text) for text in self.skipped.split()]
        return [_skip(match) for match in matches if match]


def _attempt(text: str) -> str:
    name, _, word = text.strip().partition("=")
    return f"{name} {said(*CAME[word])}" if word else name


def _skip(match: re.Match[str]) -> tuple[str, Span | None]:
    span = (float(match["low"]), float(match["high"])) if match["low"] else None
    return f"{match['name']} {match['reason']}", span


def said(status: int | None, error: str | None) -> str:
    """An attempt's end in words."""
    return f"{status or 'nothing'} {error or ''}".strip()


@dataclass(frozen=True)
class Seen:
    """What became of one request. `attempts` are words like `A 503 ServiceUnavailableError`, with `~`, `+`, `>`, `<`,
    `^` or `&` between them; `skips` are `A cooling` and for how many seconds more. The headers are numbers as they
    came."""

    sees: str
    attempts: list[str]
    skips: list[tuple[str, float | None]]
    retries: int
    fallbacks: int
    skipped: int
    retry_after: int | None
    is_hopeless: bool
    seconds: float


def marks_of(attempts: list[dict[str, Any]]) -> list[str]:
    """What is before attempts of the ledger that go on with a stream, or run beside the one before; else empty."""
    befores = [None, *(attempt["moved_on_because"] for attempt in attempts[:-1])]
    return [
        "^" if attempt.get("rescue") else "&" if before == "hedged" else ""
        for attempt, before in zip(attempts, befores, strict=False)
    ]


def woven(attempts: list[str], places: list[tuple[str, int]], marks: list[str]) -> list[str]:
    """The attempts, with what is between them; their groups and tiers are the `places`, and `marks` those of
    `marks_of`."""
    parts, asked = [], set()
    for n, (attempt, place) in enumerate(zip(attempts, places, strict=True)):
        name = attempt.split()[0]
        if n:
            stays, knows = place == places[n - 1], name in asked
            parts.append(marks[n] or (("~" if knows else "+") if stays else "<" if knows else ">"))
        parts.append(attempt)
        asked.add(name)
    return parts


def counted(attempts: list[str]) -> tuple[int, int]:
    """Retries and fallbacks among woven attempts, where none after two at once stays in the tier of the second."""
    return sum(part in {"~", "<"} for part in attempts), sum(part in {">", "<"} for part in attempts)
