"""Step 3: the group that the app calls, and the order in which its models are asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from groups import actions
from groups.deployments.placements import Placement
from groups.models import RoutingGroup, Strategy
from lib.exceptions import DomainError
from pages.forms import ActionForm, WholeNumberField, attributes
from pages.guards import PersonRequest
from pages.overview.demo_card import of_the_demo
from pages.start.key_step import admins_only
from pages.start.step_page import go_on, step_page
from pages.start.wizard_steps import chat_models, free_one
from providers.models import LanguageModel, Provider

PAGE = "start/group_step.html"
WANTED = "my-chat"
ORDER = "order-"
MOST_OFFERED = 40


class GroupStepForm(ActionForm):
    """The group's name, and a number for each model; one without a number stays out."""

    name = forms.CharField(
        label="Name",
        max_length=actions.LONGEST,
        widget=forms.TextInput(attributes()),
        help_text="Your app sends it as model.",
        error_messages={"required": "Give the group a name."},
    )

    def __init__(self, data: Any = None, *, models: Sequence[LanguageModel], initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.models = models
        for model in models:
            self.fields[f"{ORDER}{model.pk}"] = WholeNumberField(label=f"Place of {model.name}")

    @property
    def rows(self) -> list[tuple[LanguageModel, forms.BoundField]]:
        """Each model with its field."""
        return [(model, self[f"{ORDER}{model.pk}"]) for model in self.models]

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if not any(said.get(f"{ORDER}{model.pk}") for model in self.models) and not self.errors:
            raise forms.ValidationError("Give at least one model a place: 1 is asked first.")
        return said

    def placements(self) -> list[Placement]:
        """The models with a number, the lowest first."""
        numbers = {model.pk: self.cleaned_data.get(f"{ORDER}{model.pk}") for model in self.models}
        placed = sorted((number, place) for place, number in enumerate(numbers.values()) if number)
        ids = list(numbers)
        return [Placement(model_id=ids[place], priority=number) for number, place in placed]


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def group_step(request: PersonRequest, provider_id: UUID, group_id: UUID | None = None) -> HttpResponseBase:
    """The form; POST saves the group, a new one or that of an earlier visit."""
    provider = get_object_or_404(Provider, pk=provider_id)
    group = get_object_or_404(RoutingGroup.objects.with_deployments(), pk=group_id) if group_id else None
    if group and not is_simple(group):
        return redirect("group-edit", group.pk)
    models = offered_models(provider, group)
    if not models:
        return redirect("start-models", provider.pk)
    if request.method != "POST":
        return _page(request, provider, GroupStepForm(models=models, initial=_initial(provider, group, models)))
    form = GroupStepForm(request.POST, models=models)
    saved = form.accepted(lambda: _saved(request, form, group), refusals=DomainError)
    if saved is None:
        return _page(request, provider, form)
    return go_on(request, reverse("start-api-key", args=[provider.pk, saved.pk]))


def is_simple(group: RoutingGroup) -> bool:
    """Whether this step can show all of it; what was set elsewhere would be lost."""
    rows = group.deployments.all()
    limits = ("rpm", "tpm", "max_parallel", "max_wait_s", "display_name", "extra_headers", "extra_body", "capacity")
    is_plain = not any(getattr(row, name) for row in rows for name in (*limits, "region"))
    return group.strategy == Strategy.PRIORITY_FAILOVER and len(rows) <= MOST_OFFERED and is_plain


def offered_models(provider: Provider, group: RoutingGroup | None) -> list[LanguageModel]:
    """The models that the group has, then the provider's, then those of other providers but the demo's."""
    mine = [row.model for row in group.deployments.all()] if group else []
    rows = LanguageModel.objects.callable().select_related("provider")
    own = list(rows.filter(provider=provider))
    others = rows.exclude(of_the_demo("provider__")).exclude(provider=provider).order_by("provider__priority", "name")
    return list(dict.fromkeys([*mine, *_chatting(provider.type, own), *others[:MOST_OFFERED]]))[:MOST_OFFERED]


def _chatting(type: str, models: Sequence[LanguageModel]) -> list[LanguageModel]:
    """Those that chat, the cheapest first."""
    by_name = {model.name: model for model in models}
    return [by_name[name] for name in chat_models(type, by_name)]


def _initial(provider: Provider, group: RoutingGroup | None, models: Sequence[LanguageModel]) -> dict[str, Any]:
    if group:
        return {"name": group.name} | {f"{ORDER}{row.model_id}": row.priority for row in group.deployments.all()}
    taken = set(RoutingGroup.objects.filter(name__startswith=WANTED).values_list("name", flat=True))
    own = [model for model in models if model.provider_id == provider.pk]
    return {"name": free_one(WANTED, taken)} | {f"{ORDER}{model.pk}": n for n, model in enumerate(own, start=1)}


def _saved(request: PersonRequest, form: GroupStepForm, group: RoutingGroup | None) -> RoutingGroup:
    said: actions.GroupFields = {"name": form.cleaned_data["name"], "strategy": Strategy.PRIORITY_FAILOVER}
    if group:
        return actions.update_group(by=request.user, group=group, deployments=form.placements(), **said)
    return actions.create_group(by=request.user, deployments=form.placements(), **said)


def _page(request: PersonRequest, provider: Provider, form: GroupStepForm) -> HttpResponse:
    done = [reverse(name, args=[provider.pk]) for name in ("start-provider", "start-models")]
    context = {"form": form, "provider": provider}
    return step_page(request, PAGE, 3, done, context, is_refused=bool(form.errors))
