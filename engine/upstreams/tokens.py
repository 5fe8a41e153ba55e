"""The tokens of one answer, and their cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from engine.spec import DeploymentSpec

# The limit of the log's column; no answer is nearly as long.
MOST_TOKENS = 2**31 - 1
# The names of input and output tokens: OpenAI's chat, its Responses (and Anthropic), camels, Gemini, Ollama.
SPELLINGS = (
    ("prompt_tokens", "completion_tokens"),
    ("input_tokens", "output_tokens"),
    ("promptTokens", "completionTokens"),
    ("inputTokens", "outputTokens"),
    ("promptTokenCount", "candidatesTokenCount"),
    ("prompt_eval_count", "eval_count"),
)


class Usage(NamedTuple):
    """The tokens of one answer, counted by the upstream or estimated.

    `cached_tokens` (read from the provider's prompt cache) and `cache_write_tokens` (written to it) are parts of
    `input_tokens`; `reasoning_tokens` are a part of `output_tokens`, and have the same price. `units` are what is
    charged besides tokens, in the `unit` of the endpoint (`search`, `image`).
    """

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    is_estimated: bool = False
    units: float = 0.0
    unit: str = ""

    @classmethod
    def of(cls, usage: object) -> Usage | None:
        """From OpenAI's `usage` object, with the details that LiteLLM and others add, or a variant; None if it is
        invalid or lacks input and output.

        An invalid detail is 0, one that exceeds the whole is the whole.
        """
        if not isinstance(usage, dict) or (counts := _counts(usage)) is None:
            return None
        prompt, completion = counts
        cached, written = _cache_tokens(usage, prompt)
        reasoning = _first_count(
            _detail(usage, "completion_tokens_details", "output_tokens_details"), "reasoning_tokens"
        )
        # Some count reasoning separately from the answer; OpenAI, and the bill, count both.
        if reasoning and usage.get("total_tokens") == prompt + completion + reasoning:
            completion = min(completion + reasoning, MOST_TOKENS)
        return cls(prompt, completion, prompt + completion, cached, written, min(reasoning, completion))

    def cost_usd(self, deployment: DeploymentSpec) -> float | None:
        """The cost of an answer of this size at this deployment, or None if a price is unknown."""
        tokens_usd = deployment.cost_usd(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cached_tokens=self.cached_tokens,
            cache_write_tokens=self.cache_write_tokens,
        )
        if not self.unit or self.unit != deployment.unit or deployment.cost_per_unit_usd is None:
            return tokens_usd
        return (tokens_usd or 0.0) + self.units * deployment.cost_per_unit_usd


def sum_of(usages: Iterable[Usage]) -> Usage:
    """The tokens of several parts of one answer; units are the last one's."""
    total = Usage(0, 0, 0)
    for one in usages:
        total = one._replace(
            input_tokens=total.input_tokens + one.input_tokens,
            output_tokens=total.output_tokens + one.output_tokens,
            total_tokens=total.total_tokens + one.total_tokens,
            cached_tokens=total.cached_tokens + one.cached_tokens,
            cache_write_tokens=total.cache_write_tokens + one.cache_write_tokens,
            reasoning_tokens=total.reasoning_tokens + one.reasoning_tokens,
            is_estimated=total.is_estimated or one.is_estimated,
        )
    return total


def usage_in(fields: dict[str, Any]) -> Usage | None:
    """The tokens in an answer or an event, in any of the places where servers put them."""
    if usage := Usage.of(fields.get("usage")):
        return usage
    places = [fields.get("usageMetadata"), fields.get("usage_metadata"), _object(fields.get("x_groq")).get("usage")]
    places.append(_object(fields.get("meta")).get("tokens"))  # Cohere's
    choices = fields.get("choices")
    places += [_object(choice).get("usage") for choice in choices] if isinstance(choices, list) else []
    return next((usage for place in places if place and (usage := Usage.of(place))), None)


def _counts(usage: dict[str, Any]) -> tuple[int, int] | None:
    """Tokens read and written; one of them is computed from the total if only the other is given; None if unknown.

    Without written tokens it is the usage of an embedding, where all were read.
    """
    if (told := _spelling_of(usage)) is None:
        return None
    read, written = _count(usage.get(told[0], 0)), _count(usage.get(told[1], 0))
    if read is None or written is None:
        return None
    total = _count(usage.get("total_tokens", 0)) or 0
    if told[0] == "input_tokens":  # Anthropic's words: cached tokens are not part of the input
        read += _first_count(usage, "cache_read_input_tokens") + _first_count(usage, "cache_creation_input_tokens")
    if told[0] not in usage and total > written:
        read = total - written
    elif told[1] not in usage and total > read:
        written = total - read
    return (min(read, MOST_TOKENS), written) if read or written else None


# Plain loops from here on: each answer is read, and a generator takes longer than what it looks for.


def _spelling_of(usage: dict[str, Any]) -> tuple[str, str] | None:
    for pair in SPELLINGS:
        if pair[0] in usage or pair[1] in usage:
            return pair
    return None


def _count(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if _is_count(value) else None  # type: ignore[return-value]


def _detail(usage: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        if found := _object(usage.get(name)):
            return found
    return {}


def _cache_tokens(usage: dict[str, Any], prompt: int) -> tuple[int, int]:
    """Read and written; under OpenAI's names, else under Anthropic's (or DeepSeek's), as LiteLLM passes them on."""
    details = _detail(usage, "prompt_tokens_details", "input_tokens_details")
    read = _first_count(details, "cached_tokens")
    read = read or _first_count(usage, "cache_read_input_tokens", "prompt_cache_hit_tokens")
    written = _first_count(details, "cache_creation_tokens", "cache_write_tokens")
    written = written or _first_count(usage, "cache_creation_input_tokens")
    read = min(read, prompt)
    return read, min(written, prompt - read)


def _first_count(fields: dict[str, Any], *names: str) -> int:
    """The first of these that is a count above 0, else 0."""
    for name in names if fields else ():
        if _is_count(value := fields.get(name)) and value:
            return int(value)
    return 0


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MOST_TOKENS
