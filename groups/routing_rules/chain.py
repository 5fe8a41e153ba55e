"""The fallback providers of a model that is called as `provider/model`, in the order of the rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.spec import GroupSpec
from groups.models import RoutingRules
from groups.specs import spec_of_model
from providers.models import LanguageModel, Provider


def spec_with_chain(model: LanguageModel) -> GroupSpec:
    """A model of the catalog, followed by the same model at each provider of the chain; at most three queries."""
    chain = RoutingRules.objects.current().fallback_providers
    return spec_of_model(model, stand_ins(model, providers_of(chain)) if chain else ())


def providers_of(entries: Sequence[str]) -> list[Provider]:
    """The providers behind the entries (ids, names or types), in order, each once; one query."""
    rows = list(Provider.objects.all()) if entries else []
    return list(dict.fromkeys(row for entry in entries for row in meant(entry, rows)))


def meant(entry: str, providers: Iterable[Provider]) -> list[Provider]:
    """The provider with this id or name (in any case), else all providers of this type."""
    rows = list(providers)
    named = [row for row in rows if str(row.pk) == entry or row.name.casefold() == entry.casefold()]
    return named or [row for row in rows if row.type == entry.lower()]


def stand_ins(model: LanguageModel, chain: Sequence[Provider]) -> list[LanguageModel]:
    """The same model elsewhere: one for each other provider of the chain that takes fallbacks and has it; one query.

    Models are the same if their names are, without the vendor before the last slash: `openai/gpt-4o` at OpenRouter is
    `gpt-4o`.
    """
    able = [row for row in chain if row.enabled and row.auto_fallback and row.pk != model.provider_id]
    rows = LanguageModel.objects.callable().select_related("provider__key").filter(provider__in=able)
    same = [row for row in rows.filter(name__iendswith=_own_name(model)) if _own_name(row) == _own_name(model)]
    by_provider = {row.provider_id: row for row in reversed(same)}
    return [by_provider[row.pk] for row in able if row.pk in by_provider]


def _own_name(model: LanguageModel) -> str:
    return model.name.rpartition("/")[2].lower()
