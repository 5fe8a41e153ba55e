"""The providers and models that a file's deployments need: existing ones, ones to add, and impossible ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.core.exceptions import ValidationError

from groups.deployments.placements import Placement
from interchange.bundle import Bundle, ModelDraft, ProviderDraft, Remark
from interchange.planning.matching import Matching
from interchange.rows import Known, KnownProvider
from providers import rules
from providers.actions import ModelFields
from providers.actions.models import draft as model_draft
from providers.models import Provider

# Checks need an author; none of these rows is stored.
SOMEBODY = "import"


@dataclass(frozen=True, slots=True)
class Supplies:
    """`names`: a provider's name in the file -> its name here; `problems`: why it can't be added."""

    names: Mapping[str, str]
    problems: Mapping[str, str]
    new_providers: tuple[ProviderDraft, ...]
    new_models: tuple[ModelDraft, ...]
    model_problems: Mapping[tuple[str, str], str]
    remarks: tuple[Remark, ...]

    def resolved(self, placements: Iterable[Placement]) -> tuple[tuple[Placement, ...], list[str]]:
        """The possible placements under this console's names, and the reasons against the others."""
        rows = [replace(p, provider=self.names.get(p.provider.casefold(), p.provider)) for p in placements]
        why = [self.problems.get(p.provider) or self.model_problems.get((p.provider, p.model_name)) for p in rows]
        kept = tuple(row for row, problem in zip(rows, why, strict=True) if not problem)
        return kept, list(dict.fromkeys(filter(None, why)))


def supplies_of(bundle: Bundle, known: Known, *, may_add_providers: bool) -> Supplies:
    """The needs of all groups of the file, looked up once. The case of a provider's name does not matter."""
    matching = Matching(bundle, known)
    spelled: dict[str, str] = {}
    for placement in (p for group in bundle.groups for p in group.deployments):
        spelled.setdefault(placement.provider.casefold(), placement.provider)
    names: dict[str, str] = {}
    problems: dict[str, str] = {}
    new: list[ProviderDraft] = []
    remarks: list[Remark] = []
    for key, name in spelled.items():
        draft = matching.draft(name)
        if found := matching.find(name):
            names[key] = found.name
            remarks += _kept(found, draft)
            continue
        names[key] = _free(draft.name, matching, new) if draft else name
        if why := _unfit(draft, name, may_add_providers=may_add_providers):
            problems[names[key]] = why
        elif draft:
            new.append(replace(draft, name=names[key]))
    models, model_problems, prices = _models(bundle, known, names, new, may_add=may_add_providers)
    return Supplies(names, problems, tuple(new), models, model_problems, (*remarks, *prices))


def _kept(found: KnownProvider, draft: ProviderDraft | None) -> Iterator[Remark]:
    """Fields that the console's provider keeps although the file differs."""
    if draft is None:
        return
    if (draft.key and draft.key != found.key) or any(
        found.credentials.get(n) != s for n, s in draft.credentials.items()
    ):
        yield Remark(draft.name, f"The key in the file is not used: the provider '{found.name}' keeps the one it has.")
    if draft.type != found.type or (draft.api_base and draft.api_base != found.api_base):
        yield Remark(draft.name, f"The provider '{found.name}' here is another one: it keeps its type and address.")


def _free(wanted: str, matching: Matching, new: Iterable[ProviderDraft]) -> str:
    """A free name; a provider at another address may have the same name."""
    taken = {draft.name.casefold() for draft in new}
    candidates = (wanted if number == 1 else f"{wanted} #{number}" for number in range(1, 10_000))
    return next(name for name in candidates if not matching.is_taken(name) and name.casefold() not in taken)


def _unfit(draft: ProviderDraft | None, name: str, *, may_add_providers: bool) -> str:
    """Why the provider can't be created, or ''."""
    if draft is None:
        return f"There is no provider '{name}' here, and the file does not say what it is."
    if not may_add_providers:
        return f"It needs the provider '{name}', which is not here: an admin can add it, or import this file."
    row = Provider(
        name=draft.name,
        type=draft.type,
        api_base=draft.api_base,
        settings=dict(draft.settings),
        enabled=not draft.needs,
        **draft.adaptations,
    )
    row.created_by = row.updated_by = SOMEBODY
    held = [*(["api_key"] if draft.key else []), *draft.credentials]
    try:
        rules.check_sound(row, held, waits=bool(draft.needs))
        rules.check_api_key(draft.key.reveal() if draft.key else "")
        rules.check_credentials(draft.type, {name: secret.reveal() for name, secret in draft.credentials.items()})
    except ValidationError as error:
        return f"The provider '{name}' can't be added: {' '.join(error.messages)}"
    return ""


def _models(
    bundle: Bundle, known: Known, names: Mapping[str, str], added: Sequence[ProviderDraft], *, may_add: bool
) -> tuple[tuple[ModelDraft, ...], dict[tuple[str, str], str], list[Remark]]:
    """The missing models under this console's names, the reasons why some can't be added, and the prices that stay."""
    said = {(model.provider.casefold(), model.name): model for model in bundle.models}
    types = {p.name: p.type for p in known.providers} | {p.name: p.type for p in added}
    new: dict[tuple[str, str], ModelDraft] = {}
    problems: dict[tuple[str, str], str] = {}
    kept: dict[tuple[str, str], list[Remark]] = {}
    for placement in (p for group in bundle.groups for p in group.deployments):
        key = (names[placement.provider.casefold()], placement.model_name)
        bare = ModelDraft(provider=key[0], name=key[1])
        draft = replace(said.get((placement.provider.casefold(), key[1]), bare), provider=key[0])
        if (there := known.models.get((key[0].casefold(), key[1]))) is not None:
            kept[key] = list(_kept_prices(draft, there))
        elif key not in new and key[0] in types:
            if why := _unfit_model(draft, types[key[0]], may_add=may_add):
                problems[key] = why
            else:
                new[key] = draft
    return tuple(new.values()), problems, [remark for remarks in kept.values() for remark in remarks]


def _kept_prices(draft: ModelDraft, there: Mapping[str, Decimal | None]) -> Iterator[Remark]:
    if any(price != there.get(name) for name, price in draft.prices.items()):
        yield Remark(
            f"{draft.provider}/{draft.name}", "The catalog here has other prices for it; the file's are not used."
        )


def fields_of(draft: ModelDraft) -> ModelFields:
    """The file's fields of a model, for the action that creates it."""
    fields: ModelFields = {
        "display_name": draft.display_name,
        "unit": draft.unit or None,
        "price_per_unit": draft.price_per_unit,
        "context_length": draft.context_length,
        "max_output_tokens": draft.max_output_tokens,
        "base_model": draft.base_model,
        "limit_name": draft.limit_name,
        "system_role": draft.system_role,
    }
    return {**fields, **draft.prices}  # type: ignore[typeddict-item]


def _unfit_model(draft: ModelDraft, type: str, *, may_add: bool) -> str:
    if not may_add:
        return f"It needs the model {draft.provider}/{draft.name}, which is not in the catalog: an admin can add it."
    provider = Provider(name=draft.provider, type=type)
    try:
        model_draft(provider, draft.name, fields_of(draft)).full_clean(
            exclude={"provider"}, validate_unique=False, validate_constraints=False
        )
    except ValidationError as error:
        return f"The model '{draft.name[:80]}' can't be added: {' '.join(error.messages)}"
    return ""
