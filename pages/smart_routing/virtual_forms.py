"""The form of a virtual model: its own fields, its tiers, and the scoring."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from groups.models import GROUP_NAME, RoutingGroup, VirtualModel
from groups.virtual.actions import VirtualModelFields
from groups.virtual.scoring import KEYWORDS, LONGEST_KEYWORD, NUMBERS, USUAL, effective
from groups.virtual.tiers import FEWEST_TIERS, MOST_TIERS, TierPlan, name_of
from pages.forms import ActionForm, WordsField, attributes

THRESHOLD = 50
LABELS = {
    "simple_keywords": "Simple keywords",
    "complex_keywords": "Complex keywords",
    "simple_points": "Each simple keyword",
    "complex_points": "Each complex keyword",
    "most_length": "Length counts up to, characters",
    "code_points": "A code block",
    "most_sentences": "More sentences than",
    "sentences_points": "Points for so many sentences",
    "most_messages": "More messages than",
    "messages_points": "Points for such a conversation",
}


class TierForm(forms.Form):
    """One row: a tier, or empty without a pool."""

    pool = forms.CharField(label="Pool", required=False, widget=forms.Select(attributes()))
    minimum = forms.IntegerField(label="From a score of", required=False, widget=forms.NumberInput(attributes(step=1)))
    name = forms.CharField(
        label="Called",
        required=False,
        max_length=32,
        validators=[GROUP_NAME],
        widget=forms.TextInput(attributes(placeholder="by itself")),
    )

    def clean(self) -> dict[str, Any]:
        """A row without a pool is ignored, even with a number; a row with a name needs a pool."""
        values = super().clean() or {}
        if values.get("name") and not values.get("pool"):
            self.add_error("pool", "Choose the routing group that answers.")
        return values

    @property
    def plan(self) -> TierPlan | None:
        """The tier, as an argument of the actions."""
        said = self.cleaned_data
        if not said.get("pool"):
            return None
        return TierPlan(pool=said["pool"], minimum_score=said.get("minimum"), name=said.get("name", ""))


class VirtualModelForm(ActionForm):
    """The virtual model's own fields, with the tiers as separate forms in `tiers`."""

    name = forms.CharField(
        label="Name",
        max_length=128,
        validators=[GROUP_NAME],
        widget=forms.TextInput(attributes(placeholder="auto-chat")),
        error_messages={"required": "Give it a name: clients send it as model."},
    )
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=4000,
        widget=forms.Textarea(attributes(rows=2, spellcheck="true")),
    )
    default_tier = forms.TypedChoiceField(
        choices=[(n, n) for n in range(MOST_TIERS)], coerce=int, empty_value=None, required=False
    )
    is_active = forms.BooleanField(label="Takes requests", required=False, initial=True)

    def __init__(self, data: Any = None, *, row: VirtualModel | None = None) -> None:
        tiers = list(row.tiers.all()) if row else []
        super().__init__(data, initial=_initial(row, [tier.name for tier in tiers]))
        self.fields.update(_scoring_fields())
        pools = RoutingGroup.objects.values_list("name", flat=True)
        choices = [("", "Choose a group"), *((name, name) for name in pools)]
        kept = [{"pool": t.pool.name, "minimum": t.minimum_score, "name": t.name} for t in tiers]
        starts = kept or [{}, {"minimum": THRESHOLD}]
        self.tiers = [_tier_form(data, n, starts[n] if n < len(starts) else {}, choices) for n in range(MOST_TIERS)]
        self.tier_errors: list[str] = []

    def is_valid(self) -> bool:
        """Whether each field is valid by itself; their combination is checked on save."""
        return all([super().is_valid(), *(tier.is_valid() for tier in self.tiers)])

    @property
    def has_errors(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.errors or self.tier_errors or any(tier.errors for tier in self.tiers))

    def plans(self) -> list[TierPlan]:
        """The tiers, as arguments of the actions."""
        return [plan for tier in self.tiers if (plan := tier.plan)]

    def model_fields(self) -> VirtualModelFields:
        """The other fields, as arguments of the actions."""
        said, number = self.cleaned_data, self.cleaned_data["default_tier"]
        default = None if number is None else self.tiers[number].plan
        return {
            "name": said["name"],
            "description": said["description"],
            "is_active": said["is_active"],
            "default_tier": name_of(default, self.plans()) if default else "",
            "scoring": {key: said[key] for key in USUAL},
        }

    def blame(self, error: ValidationError) -> None:
        """Shows an action's errors beside their fields."""
        for field, messages in error.message_dict.items():
            for message in messages:
                key, _, rest = message.partition(": ")
                if field in ("tiers", "default_tier"):
                    self.tier_errors.append(message)
                elif field == "scoring":
                    self.add_error(key if key in USUAL else "complex_keywords", rest if key in USUAL else message)
                else:
                    self.add_error(field if field in self.fields else None, message)

    @property
    def usual_tiers(self) -> list[TierForm]:
        """The rows that are always shown."""
        return self.tiers[:FEWEST_TIERS]

    @property
    def more_tiers(self) -> list[TierForm]:
        """The further rows."""
        return self.tiers[FEWEST_TIERS:]

    @property
    def has_more_tiers(self) -> bool:
        """Whether a further row is in use or invalid, so that they must be open."""
        return any(tier["pool"].value() or tier.errors for tier in self.more_tiers)

    @property
    def keywords(self) -> list[forms.BoundField]:
        return [self[key] for key in KEYWORDS]

    @property
    def numbers(self) -> list[forms.BoundField]:
        return [self[key] for key in NUMBERS]


def _initial(row: VirtualModel | None, tiers: list[str]) -> dict[str, Any]:
    if row is None:
        return dict(USUAL)
    default = tiers.index(row.default_tier) if row.default_tier in tiers else None
    own = {"name": row.name, "description": row.description, "is_active": row.is_active, "default_tier": default}
    return {**effective(row.scoring), **own}


def _tier_form(data: Any, number: int, initial: dict[str, Any], choices: list[tuple[str, str]]) -> TierForm:
    form = TierForm(data, prefix=f"tier{number}", initial=initial, label_suffix="")
    select: Any = form.fields["pool"].widget
    select.choices = choices
    return form


def _scoring_fields() -> Iterator[tuple[str, forms.Field]]:
    for key in KEYWORDS:
        area = forms.Textarea(attributes(rows=3))
        hint = f"Whole words or phrases of up to {LONGEST_KEYWORD} characters, with commas between them."
        yield key, WordsField(label=LABELS[key], between="[,\n]", widget=area, help_text=hint)
    for key, limits in NUMBERS.items():
        box = forms.NumberInput(attributes(inputmode="numeric", placeholder=USUAL[key]))
        low, high = int(limits.low), int(limits.high)
        number = forms.IntegerField(label=LABELS[key], required=False, min_value=low, max_value=high, widget=box)
        number.help_text = f"Usual: {USUAL[key]}"
        yield key, number
