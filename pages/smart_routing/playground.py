"""The playground of a virtual model: the route of a message, without sending it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_safe

from access.models import Role
from access.rules import can_operate
from gateway.explain.explaining import VirtualExplained, explain_virtual_model
from groups.models import RoutingGroup, VirtualModel
from groups.virtual.conversations import Conversation, read
from pages.discs import disc_of
from pages.forms import attributes
from pages.guards import PersonRequest, requires
from pages.parts import page_or_part
from pages.smart_routing.highlights import pieces_of, scale_of
from pages.smart_routing.virtual_rows import tier_lines
from providers.models import LanguageModel

PAGE = "smart_routing/playground.html"
MOST_LISTED = 100
EXAMPLES = (
    "hi",
    "cat test.py",
    "Implement a distributed consensus algorithm",
    "Analyze the architecture of microservices",
)


class PlaygroundForm(forms.Form):
    """A message, or a conversation as JSON."""

    text = forms.CharField(
        label="Message",
        required=False,
        strip=False,
        max_length=1_000_000,
        widget=forms.Textarea(attributes(rows=7, placeholder="Type a message, or paste a conversation as JSON")),
        error_messages={"max_length": "Keep it within a million characters."},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Role.VIEWER, to="see virtual models")
def playground(request: PersonRequest, virtual_model_id: UUID) -> HttpResponse:
    """POST scores the input: as a part of the page during typing, or as the whole page."""
    row = get_object_or_404(VirtualModel.objects.with_tiers(), pk=virtual_model_id)
    example = request.GET.get("example", "")
    given = request.POST if request.method == "POST" else {"text": example} if example else None
    form = PlaygroundForm(given, label_suffix="")
    context = {
        "row": row,
        "tab": "playground",
        "form": form,
        "tiers": tier_lines(row),
        "examples": EXAMPLES,
        "can_edit": can_operate(request.user),
        **(_outcome(row, read(form.cleaned_data["text"])) if form.is_valid() and form.cleaned_data["text"] else {}),
    }
    status = 422 if form.is_bound and form.errors else 200
    return page_or_part(request, PAGE, "playground-result", context, status=status)


@require_safe
@requires(Role.VIEWER, to="see virtual models")
def playground_tab(request: PersonRequest) -> HttpResponse:
    """The playground of the virtual model that `model` names, else of the first."""
    rows = list(VirtualModel.objects.with_tiers()[:MOST_LISTED])
    chosen = request.GET.get("model", "")
    row = next((row for row in rows if str(row.pk) == chosen), rows[0] if rows else None)
    context: dict[str, Any] = {"rows": rows, "row": row, "is_tab": True}
    if row is not None:
        context |= {"form": PlaygroundForm(label_suffix=""), "tiers": tier_lines(row), "examples": EXAMPLES}
    return render(request, PAGE, context)


def _outcome(row: VirtualModel, conversation: Conversation) -> dict[str, Any]:
    explained = explain_virtual_model(row, conversation.messages)
    tiers = list(row.tiers.all())
    thresholds = [tier.minimum_score or 0 for tier in tiers[1:]]
    return {
        "explained": explained,
        "conversation": conversation,
        "pieces": pieces_of(explained.text, explained.parts),
        "scale": scale_of(thresholds, [tier.name for tier in tiers], explained.score),
        "pool": RoutingGroup.objects.filter(name=explained.pool).first(),
        **_first(explained),
    }


def _first(explained: VirtualExplained) -> dict[str, Any]:
    """The first candidate, and its provider's mark."""
    first = next(iter(explained.candidates), None)
    model = LanguageModel.objects.select_related("provider").filter(pk=first.deployment_id).first() if first else None
    return {"first": first, "model": model, "disc": disc_of(model.provider) if model else None}
