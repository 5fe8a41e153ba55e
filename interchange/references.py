"""Names of environment variables that hold providers' keys: `OpenAI` <-> `OPENAI_API_KEY`. Pure.

A variable that does not follow from the provider's name is kept in the name: `OpenAI (MY_TEAM_TOKEN)`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IN_NAME = re.compile(r"\(([A-Za-z_][A-Za-z0-9_]*(?:_|KEY|TOKEN)[A-Za-z0-9_]*)\)$")


def reference_of(provider: str) -> str:
    """The variable of a provider: the one in brackets at the end of its name, else `NAME_API_KEY`."""
    if found := _IN_NAME.search(provider):
        return found[1]
    plain = unicodedata.normalize("NFKD", provider).encode("ascii", "ignore").decode().upper()
    words = re.sub(r"[^A-Z0-9]+", "_", plain).strip("_") or "PROVIDER"
    return f"{'_' if words[0].isdigit() else ''}{words}_API_KEY"


def name_with(provider: str, reference: str) -> str:
    """A provider's name from which the variable follows."""
    return provider if reference in ("", reference_of(provider)) else f"{provider} ({reference})"


def distinct_references(providers: Iterable[str]) -> dict[str, str]:
    """A variable for each provider; duplicates are numbered, in the given order."""
    found: dict[str, str] = {}
    for provider in providers:
        wanted, number = reference_of(provider), 1
        reference = wanted
        while reference in found.values():
            number += 1
            reference = f"{wanted}_{number}"
        found[provider] = reference
    return found
