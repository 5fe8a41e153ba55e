"""Many prompts -> the distribution of their scores, and the effect of each threshold on traffic and cost. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from engine.complexity import ComplexityRules, Unscorable, score_of
from groups.virtual.conversations import Message, messages_of

MOST_PROMPTS = 10_000
MOST_PROBLEMS = 10
CHARACTERS_PER_TOKEN = 4
MOST = 1_000_000_000
LOST = "The scores were lost; give the prompts again."
PER_REQUESTS = 1000


@dataclass(frozen=True, slots=True)
class Digest:
    """The stored digest of the prompts: `counts` are `(score, prompts, input tokens)` by score; `unscored` counts
    prompts without text."""

    counts: tuple[tuple[int, int, int], ...]
    unscored: int = 0

    @property
    def prompts(self) -> int:
        """The number of scored prompts."""
        return sum(count for _, count, _ in self.counts)

    def written(self) -> str:
        """The digest as text, for `digest_from`."""
        return " ".join(f"{score}:{count}:{tokens}" for score, count, tokens in self.counts)


@dataclass(frozen=True, slots=True)
class PoolPrices:
    """The prices of a tier's pool per input and output token, in US dollars. None means unknown."""

    tier: str
    pool: str
    input_usd: float | None
    output_usd: float | None


@dataclass(frozen=True, slots=True)
class Share:
    """The share of one pool: `percent` of the prompts, and their cost per 1,000 requests to all pools."""

    prices: PoolPrices
    count: int
    percent: float
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """The pools, lowest first.

    Costs are per 1,000 requests; `large_usd` is the cost of sending all requests to the highest pool.
    """

    shares: tuple[Share, ...]
    cost_usd: float | None
    large_usd: float | None

    @property
    def saved_percent(self) -> int | None:
        """The saving compared with sending all requests to the highest pool; negative if that would be cheaper."""
        if self.cost_usd is None or not self.large_usd:
            return None
        return round(100 * (1 - self.cost_usd / self.large_usd))


def prompts_in(text: str) -> list[list[Message]]:
    """One prompt per line, as plain text or JSON; a whole file may also be one JSON list.

    Raises ValidationError naming the unreadable lines.
    """
    lines = _lines(text)
    if not lines:
        raise ValidationError("Give some prompts: one per line, as text or JSON.")
    if len(lines) > MOST_PROMPTS:
        raise ValidationError(f"These are {len(lines):,} prompts; calibrate with {MOST_PROMPTS:,} at most.")
    prompts, problems = [], []
    for number, line in lines:
        try:
            prompts.append(_prompt(line))
        except ValueError as error:
            problems.append(f"Line {number}: {error}")
    if problems:
        more = [f"… and {len(problems) - MOST_PROBLEMS:,} more."] if len(problems) > MOST_PROBLEMS else []
        raise ValidationError([*problems[:MOST_PROBLEMS], *more])
    return prompts


def digest_of(prompts: Iterable[Sequence[Message]], rules: ComplexityRules) -> Digest:
    """The scores of all prompts; four characters count as a token."""
    counts, tokens, unscored = Counter[int](), Counter[int](), 0
    for messages in prompts:
        try:
            score = score_of(messages, rules).total
        except Unscorable:
            unscored += 1
            continue
        counts[score] += 1
        tokens[score] += tokens_of(messages)
    return Digest(tuple((score, counts[score], tokens[score]) for score in sorted(counts)), unscored)


def digest_from(text: str) -> Digest:
    """Reads a digest that was `written`. Raises ValidationError."""
    try:
        parts = [tuple(map(int, part.split(":"))) for part in text.split()]
        counts = tuple((score, count, tokens) for score, count, tokens in parts)
    except ValueError:
        raise ValidationError(LOST)
    if not all(abs(score) <= MOST and 0 < count <= MOST and 0 <= tokens <= MOST for score, count, tokens in counts):
        raise ValidationError(LOST)
    return Digest(counts)


def outcome_of(
    digest: Digest, thresholds: Sequence[int], pools: Sequence[PoolPrices], answer_tokens: int
) -> CalibrationResult:
    """The shares of the pools. `thresholds` are the minimum scores of all pools but the lowest, ascending."""
    edges = [float("-inf"), *thresholds, float("inf")]
    shares = []
    for pool, low, high in zip(pools, edges, edges[1:], strict=False):
        taken = [(count, tokens) for score, count, tokens in digest.counts if low <= score < high]
        count = sum(count for count, _ in taken)
        cost = _cost(pool, count, sum(tokens for _, tokens in taken), answer_tokens, digest.prompts)
        shares.append(Share(pool, count, 100 * count / max(1, digest.prompts), cost))
    tokens = sum(tokens for _, _, tokens in digest.counts)
    costs = [share.cost_usd for share in shares]
    return CalibrationResult(
        tuple(shares),
        cost_usd=None if None in costs else sum(cost or 0 for cost in costs),
        large_usd=_cost(pools[-1], digest.prompts, tokens, answer_tokens, digest.prompts),
    )


def tokens_of(messages: Sequence[Message]) -> int:
    """The estimated input tokens: four characters count as a token, at least one."""
    texts = [part for message in messages for part in _texts(message.get("content"))]
    return max(1, sum(map(len, texts)) // CHARACTERS_PER_TOKEN)


def _cost(pool: PoolPrices, count: int, tokens: int, answer_tokens: int, prompts: int) -> float | None:
    if not count:
        return 0.0
    if pool.input_usd is None or pool.output_usd is None:
        return None
    return (tokens * pool.input_usd + count * answer_tokens * pool.output_usd) * PER_REQUESTS / prompts


def _lines(text: str) -> list[tuple[int, str]]:
    if text.lstrip().startswith("["):
        try:
            whole = json.loads(text)
        except (ValueError, RecursionError):
            whole = None
        if isinstance(whole, list) and not any(isinstance(row, dict) and "role" in row for row in whole):
            return [(number, json.dumps(row)) for number, row in enumerate(whole, start=1)]
    return [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _prompt(line: str) -> list[Message]:
    if not line.lstrip().startswith(("{", '["', "[{", '"')):
        return messages_of(line)
    try:
        return messages_of(json.loads(line))
    except (json.JSONDecodeError, RecursionError):
        # A quoted sentence is not JSON; an unclosed brace is meant as JSON.
        if line.lstrip().startswith('"'):
            return messages_of(line)
        raise ValueError("this begins like JSON but is not valid; is it cut off?")


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
