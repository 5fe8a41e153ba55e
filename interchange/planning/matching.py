"""Matches a file's providers with those of the console. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict

from interchange.bundle import Bundle, ProviderDraft
from interchange.references import reference_of
from interchange.rows import Known, KnownProvider
from providers.presets import preset_of

Place = tuple[str, str, tuple[tuple[str, str], ...]]


class Matching:
    """The console's providers and a file's; `find` always gives the same answer for a name."""

    def __init__(self, bundle: Bundle, known: Known) -> None:
        self._known = known
        self._by_name = {provider.name.casefold(): provider for provider in known.providers}
        self._drafts = {draft.name.casefold(): draft for draft in reversed(bundle.providers)}
        self._rivals = Counter(_place(draft) for draft in bundle.providers)
        self._at = defaultdict[Place, list[KnownProvider]](list)
        for provider in known.providers:
            self._at[_place(provider)].append(provider)

    def draft(self, name: str) -> ProviderDraft | None:
        """The file's provider with this name, ignoring case."""
        return self._drafts.get(name.casefold())

    def find(self, name: str) -> KnownProvider | None:
        """The console's provider for a name in the file, if there is one."""
        draft = self.draft(name)
        if draft is None or draft.is_own_name:
            return self._by_name.get(name.casefold()) or (None if draft else self._of_type(name))
        return self._waiting(draft) if draft.references else self._at_place(draft)

    def is_taken(self, name: str) -> bool:
        """Whether the console has a provider with this name."""
        return name.casefold() in self._by_name

    def _of_type(self, type: str) -> KnownProvider | None:
        """As in the API, a type may stand for a name if only one provider has it."""
        found = [provider for provider in self._known.providers if provider.type == type.lower()]
        return found[0] if len(found) == 1 else None

    def _waiting(self, draft: ProviderDraft) -> KnownProvider | None:
        """Its address is in a variable, so only its name from an earlier import identifies it."""
        found = self._by_name.get(draft.name.casefold())
        return found if found and found.type == draft.type else None

    def _at_place(self, draft: ProviderDraft) -> KnownProvider | None:
        """By address and key; or by address alone, if the file has one key for it and the console one provider."""
        here = self._at.get(_place(draft), [])
        if same_key := [provider for provider in here if _has_key_of(provider, draft)]:
            return same_key[0]
        return here[0] if len(here) == self._rivals[_place(draft)] == 1 else None


def _place(provider: ProviderDraft | KnownProvider) -> Place:
    """The address, and other fields that decide where requests go, such as a region."""
    preset = preset_of(provider.type)
    values = {field.name: provider.settings.get(field.name) or field.default for field in preset.settings}
    base = (provider.api_base or preset.home).rstrip("/")
    return preset.litellm_provider, base, tuple(sorted(values.items()))


def _has_key_of(provider: KnownProvider, draft: ProviderDraft) -> bool:
    if draft.key_reference:
        return reference_of(provider.name) == draft.key_reference
    return draft.key is not None and provider.key == draft.key
