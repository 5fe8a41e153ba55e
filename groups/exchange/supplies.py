"""The providers and models that a file's deployments need: which are here, which an import adds, which it can't."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.core.exceptions import ValidationError

from groups.exchange.bundle import Bundle, ModelDraft, ProviderDraft
from groups.exchange.matching import Matching
from groups.exchange.rows import Known
from groups.placements import Placement
from providers import rules
from providers.models import LanguageModel, Provider
from providers.presets import preset_of


@dataclass(frozen=True, slots=True)
class Supplies:
    """`names`: what the file calls a provider -> what it is called here; `problems`: why it can't be had."""

    names: Mapping[str, str]
    problems: Mapping[str, str]
    new_providers: tuple[ProviderDraft, ...]
    new_models: tuple[ModelDraft, ...]
    model_problems: Mapping[tuple[str, str], str]

    def resolved(self, placements: Iterable[Placement]) -> tuple[list[str], tuple[Placement, ...]]:
        """(why some can't be had, the placements by the names of this console)."""
        rows = tuple(replace(p, provider=self.names.get(p.provider, p.provider)) for p in placements)
        why = [self.problems.get(p.provider) or self.model_problems.get((p.provider, p.model_name)) for p in rows]
        return list(dict.fromkeys(filter(None, why))), rows


def supplies_of(bundle: Bundle, known: Known, *, may_add_providers: bool) -> Supplies:
    """What all groups of the file need, looked up once."""
    matching = Matching(bundle, known)
    wanted = dict.fromkeys(p.provider for group in bundle.groups for p in group.deployments)
    names, problems, new = {}, {}, []
    for name in wanted:
        if found := matching.find(name):
            names[name] = found.name
            continue
        draft = matching.draft(name)
        names[name] = _free(draft.name, matching) if draft else name
        if why := _unfit(draft, name, may_add_providers=may_add_providers):
            problems[names[name]] = why
        elif draft:
            new.append(replace(draft, name=names[name]))
    models, model_problems = _models(bundle, known, names, may_add=may_add_providers)
    return Supplies(names, problems, tuple(new), models, model_problems)


def _free(wanted: str, matching: Matching) -> str:
    """A name that no other provider has; somewhere else, one may be called the same."""
    candidates = (wanted if number == 1 else f"{wanted} #{number}" for number in range(1, 10_000))
    return next(name for name in candidates if not matching.is_taken(name))


def _unfit(draft: ProviderDraft | None, name: str, *, may_add_providers: bool) -> str:
    """Why the provider can't be created, or ''."""
    if draft is None:
        return f"There is no provider '{name}' here, and the file does not say what it is."
    if not may_add_providers:
        return f"It needs the provider '{name}', which is not here: an admin can add it, or import this file."
    if preset_of(draft.type).needs_base_url and not draft.api_base:
        return f"The provider '{name}' can't be added: the file has no api_base for it."
    row = Provider(name=draft.name, type=draft.type, api_base=draft.api_base)
    try:
        rules.check_type(draft.type)
        row.clean_fields(exclude={"created_by", "updated_by"})
        rules.check_settings(draft.type, draft.settings)
        rules.check_address(draft.api_base)
        if draft.key:
            rules.check_api_key(draft.key.reveal())
    except ValidationError as error:
        return f"The provider '{name}' can't be added: {' '.join(error.messages)}"
    return ""


def _models(
    bundle: Bundle, known: Known, names: Mapping[str, str], *, may_add: bool
) -> tuple[tuple[ModelDraft, ...], dict[tuple[str, str], str]]:
    """The models that are missing, under the names of this console, and why some can't be added."""
    said = {(model.provider.casefold(), model.name): model for model in bundle.models}
    new: dict[tuple[str, str], ModelDraft] = {}
    problems: dict[tuple[str, str], str] = {}
    for placement in (p for group in bundle.groups for p in group.deployments):
        key = (names[placement.provider], placement.model_name)
        if (key[0].casefold(), key[1]) in known.models or key in new or key in problems:
            continue
        bare = ModelDraft(provider=key[0], name=key[1])
        draft = replace(said.get((placement.provider.casefold(), key[1]), bare), provider=key[0])
        if why := _unfit_model(draft, may_add=may_add):
            problems[key] = why
        else:
            new[key] = draft
    return tuple(new.values()), problems


def _unfit_model(draft: ModelDraft, *, may_add: bool) -> str:
    if not may_add:
        return f"It needs the model {draft.provider}/{draft.name}, which is not in the catalog: an admin can add it."
    try:
        LanguageModel(name=draft.name, display_name=draft.display_name).clean_fields(exclude={"provider"})
    except ValidationError as error:
        return f"The model '{draft.name[:80]}' can't be added: {' '.join(error.messages)}"
    return ""
