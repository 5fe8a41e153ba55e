"""Five well-known providers with their common models, to start from. Prices come from LiteLLM's price map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.db.transaction import atomic
from django.views.decorators.debug import sensitive_variables

from lib.authors import Author
from providers import config_version
from providers.actions import create_provider, delete_provider, update_provider
from providers.models import Provider


@dataclass(frozen=True, slots=True)
class Starter:
    """A provider and its models; `key_variable` is the environment variable that may hold its key."""

    type: str
    name: str
    key_variable: str
    priority: int
    models: tuple[str, ...]


STARTERS = (
    Starter(
        "openrouter",
        "OpenRouter",
        "OPENROUTER_API_KEY",
        10,
        (
            *("openai/gpt-4o-mini", "openai/gpt-5.4-mini", "anthropic/claude-haiku-4.5", "anthropic/claude-sonnet-4.5"),
            *("google/gemini-2.5-flash", "google/gemini-2.5-pro", "deepseek/deepseek-r1", "x-ai/grok-4.3"),
        ),
    ),
    Starter(
        "openai",
        "OpenAI",
        "OPENAI_API_KEY",
        20,
        (
            *("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-5.4", "gpt-5.4-mini", "o4-mini"),
            *("text-embedding-3-small", "text-embedding-3-large"),
        ),
    ),
    Starter(
        "anthropic",
        "Anthropic",
        "ANTHROPIC_API_KEY",
        30,
        ("claude-opus-4-8", "claude-sonnet-4-6", "claude-sonnet-4-5", "claude-haiku-4-5"),
    ),
    Starter(
        "together",
        "Together AI",
        "TOGETHER_API_KEY",
        40,
        (
            *("meta-llama/Llama-3.3-70B-Instruct-Turbo", "openai/gpt-oss-120b", "openai/gpt-oss-20b"),
            *("deepseek-ai/DeepSeek-V3.1", "moonshotai/Kimi-K2.6", "zai-org/GLM-5.1"),
        ),
    ),
    Starter(
        "google",
        "Google AI",
        "GOOGLE_API_KEY",
        50,
        ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-3.5-flash", "gemini-embedding-001"),
    ),
)


class StarterOutcome(StrEnum):
    """The result for a starter."""

    CREATED = "created"
    COMPLETED = "completed"
    KEPT = "kept"
    NAME_TAKEN = "name taken by a provider of another type"


@dataclass(frozen=True, slots=True)
class Seeded:
    """One starter, its result, and whether it is switched on."""

    starter: Starter
    outcome: StarterOutcome
    is_enabled: bool


@sensitive_variables("keys")
@atomic
def seed(*, by: Author, keys: Mapping[str, str], reset: bool = False) -> list[Seeded]:
    """Adds the missing parts of the starters; people's changes stay.

    `keys` are by environment variable. A provider without a key is added switched off, and is switched on when a later
    seeding has its key. `reset` deletes the five first, and raises ModelInUse if a group uses one of them.
    """
    config_version.bump()
    if reset:
        for row in (found for starter in STARTERS if (found := _found(starter)) and found.type == starter.type):
            delete_provider(by=by, provider=row)
    return [_seed(starter, keys.get(starter.key_variable, ""), by) for starter in STARTERS]


def _found(starter: Starter) -> Provider | None:
    return Provider.objects.select_related("key").filter(name__iexact=starter.name).first()


@sensitive_variables("key")
def _seed(starter: Starter, key: str, by: Author) -> Seeded:
    row = _found(starter)
    if row is None:
        return _create(starter, key, by)
    if row.type != starter.type:
        return Seeded(starter, StarterOutcome.NAME_TAKEN, row.enabled)
    there = list(row.models.values_list("name", flat=True))
    missing = [name for name in starter.models if name not in there]
    wants_key = bool(key) and not hasattr(row, "key")
    if wants_key:
        update_provider(by=by, provider=row, api_key=key, enabled=True)
    if missing:
        update_provider(by=by, provider=row, models=[*there, *missing])
    outcome = StarterOutcome.COMPLETED if missing or wants_key else StarterOutcome.KEPT
    return Seeded(starter, outcome, row.enabled or wants_key)


@sensitive_variables("key")
def _create(starter: Starter, key: str, by: Author) -> Seeded:
    create_provider(
        by=by,
        type=starter.type,
        name=starter.name,
        api_key=key,
        priority=starter.priority,
        enabled=bool(key),
        models=starter.models,
    )
    return Seeded(starter, StarterOutcome.CREATED, bool(key))
