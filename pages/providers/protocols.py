"""The protocols of a provider's page: which of them the console speaks with it, and which its server answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from providers.adaptations.usual_dialects import LITELLM, usual_dialects
from providers.models import Provider
from providers.presets import preset_of

PROTOCOLS = {"chat": "Chat Completions", "responses": "Responses", "messages": "Messages"}
UNTRIED = (
    "What is spoken directly skips LiteLLM, so it is faster and nothing is lost on the way. It was tried with test "
    "servers, never with a provider's real service; if requests fail, tick LiteLLM alone."
)


@dataclass(frozen=True, slots=True)
class Protocol:
    """`is_used`: requests are sent in it. `is_answered` is what the server said, None where that can't be told."""

    name: str
    is_used: bool
    is_answered: bool | None

    @property
    def fails(self) -> bool:
        """Whether requests are sent in it to a server that does not know it."""
        return self.is_used and self.is_answered is False


@dataclass(frozen=True, slots=True)
class Protocols:
    """Those of one provider; `is_usual`: nobody has chosen them, they are those of its type."""

    rows: tuple[Protocol, ...]
    is_usual: bool
    through_litellm: bool
    untried: str = UNTRIED


def protocols_of(provider: Provider) -> Protocols:
    """What the page shows."""
    used = frozenset(provider.dialects) or usual_dialects(preset_of(provider.type), provider.api_base)
    said, direct = provider.dialects_probed, frozenset() if LITELLM & used else used
    rows = tuple(Protocol(label, name in direct, said.get(name)) for name, label in PROTOCOLS.items())
    return Protocols(rows, is_usual=not provider.dialects, through_litellm=not direct)


def answer_of(is_answered: bool | None) -> str:
    """What a server said, behind the name of a protocol."""
    return {True: " (its server answers it)", False: " (its server does not know it)", None: ""}[is_answered]


def heard(spoken: Mapping[str, bool | None]) -> str:
    """The protocols that a server answered in a test, as words."""
    return ", ".join(label for name, label in PROTOCOLS.items() if spoken.get(name))
