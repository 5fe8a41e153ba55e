"""Names of environment variables that hold providers' keys: `OpenAI` <-> `OPENAI_API_KEY`. Pure.

A variable that the provider's name does not lead to is kept in the name: `OpenAI (MY_TEAM_TOKEN)`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IN_NAME = re.compile(r"\(([A-Za-z_][A-Za-z0-9_]*(?:_|KEY|TOKEN)[A-Za-z0-9_]*)\)$")


def reference_of(provider: str) -> str:
    """The variable of a provider: the one its name ends with in brackets, else `NAME_API_KEY`."""
    if found := _IN_NAME.search(provider):
        return found[1]
    plain = unicodedata.normalize("NFKD", provider).encode("ascii", "ignore").decode().upper()
    words = re.sub(r"[^A-Z0-9]+", "_", plain).strip("_") or "PROVIDER"
    return f"{'_' if words[0].isdigit() else ''}{words}_API_KEY"


def name_with(provider: str, reference: str) -> str:
    """A provider's name that leads back to the variable."""
    return provider if reference in ("", reference_of(provider)) else f"{provider} ({reference})"


def distinct_references(providers: Iterable[str]) -> dict[str, str]:
    """A variable for each provider; those that would share one are numbered, in the order given."""
    found: dict[str, str] = {}
    for provider in providers:
        wanted, number = reference_of(provider), 1
        reference = wanted
        while reference in found.values():
            number += 1
            reference = f"{wanted}_{number}"
        found[provider] = reference
    return found
