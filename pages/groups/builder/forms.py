"""The forms of the builder: the group's own fields, and those of one deployment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.functional import cached_property

from groups import config_checks
from groups.actions import GroupFields
from groups.deployments.capacities import check_capacity
from groups.deployments.placements import Placement
from groups.models import GROUP_NAME, RoutingGroup, Strategy
from groups.models.routing import LONGEST_WAIT_S, MOST_PARALLEL, REGION_LENGTH
from groups.versions.effective import ROUTERS, UNSUPPORTED
from pages.forms import ObjectField, WholeNumberField, attributes
from pages.groups.assignments import Assignee, assignable_keys, assignable_teams
from pages.groups.builder.error_rules import RuleLine, by_error_of, initial_of, lines_of, rule_fields
from pages.groups.builder.form_fields import (
    CARDS,
    FOLDED,
    NUMBERS,
    SETTINGS,
    TITLES,
    FieldSection,
    IdsField,
    is_set,
    settings_fields,
)
from pages.groups.builder.hedge_fields import hedge_fields, hedge_of
from pages.groups.builder.hedge_fields import initial_of as initial_of_hedge
from pages.groups.builder.sticky_fields import initial_of as initial_of_sticky
from pages.groups.builder.sticky_fields import sticky_fields, sticky_of
from providers.adaptations.allowed_extras import check_extra_body, check_extra_headers

OWN = ("name", "description", "strategy", "assigned_team_ids", "assigned_key_ids")


class GroupForm(forms.Form):
    """The group's own fields. An empty setting means the engine's default, which the hint shows."""

    name = forms.CharField(
        label="Name",
        max_length=128,
        validators=[GROUP_NAME],
        widget=forms.TextInput(attributes(placeholder="prod-chat")),
        error_messages={"required": "Give the group a name: clients send it as model."},
    )
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=4000,
        widget=forms.Textarea(attributes(rows=2, spellcheck="true")),
    )
    strategy = forms.ChoiceField(
        label="Strategy",
        choices=Strategy.choices,
        initial=Strategy.PRIORITY_FAILOVER,
        error_messages={"required": "Choose how the group picks a deployment."},
    )
    in_power_levels = forms.BooleanField(
        label="May be chosen for auto and the power levels",
        required=False,
        help_text="If it is off, the group answers only requests that name it, and virtual models that use it.",
    )
    stream_upstream = forms.BooleanField(
        label="Ask upstream for a stream, also for whole answers",
        required=False,
        help_text="A silent provider is left after the wait for a first token. Callers get whole answers as before.",
    )
    rescue = forms.ChoiceField(
        label="Streams that break after their first content",
        choices=[("", "go on at the same deployment or another (default)"), ("off", "end with an error")],
        required=False,
        widget=forms.Select({"class": "input"}),
        help_text="The answer is continued where the model can, else begun again and joined where it is the same. What "
        "can't be joined ends with the error. Both parts cost.",
    )
    unsupported_params = forms.ChoiceField(
        label="Parameters that a provider or model can't take",
        choices=[("", "Left out (default)"), *((rule.value, words) for rule, words in UNSUPPORTED.items())],
        required=False,
        widget=forms.Select({"class": "input"}),
        help_text="What is left out is named in the answer's header and in the log. Where every deployment refuses, "
        "the answer is a 400 that names the parameter.",
    )
    router = forms.ChoiceField(
        label="Router",
        choices=[("", "Routing Console's (default)"), *((router.value, name) for router, name in ROUTERS.items())],
        required=False,
        widget=forms.Select({"class": "input"}),
        help_text="LiteLLM's is there to compare: it decides as a LiteLLM proxy would. It has no breaker that is "
        "shared with other groups and processes, and no skip numbers of its own: those shown are read off its "
        "cooldowns. It may ask the one that has just failed again before it asks another.",
    )
    assigned_team_ids = IdsField(label="Teams", required=False)
    assigned_key_ids = IdsField(label="Keys", required=False)

    strategy_cards = CARDS

    def __init__(self, data: Any = None, *, initial: Any = None) -> None:
        super().__init__(data, initial=initial, label_suffix="")
        self.fields.update(settings_fields())
        self.fields.update(rule_fields())
        self.fields.update(sticky_fields())
        self.fields.update(hedge_fields())

    @classmethod
    def typed(cls, data: QueryDict) -> GroupForm:
        """The unchecked input so far."""
        form = cls()
        form.initial = {name: field.widget.value_from_datadict(data, {}, name) for name, field in form.fields.items()}
        return form

    @classmethod
    def of(cls, group: RoutingGroup) -> GroupForm:
        """The form of a stored group."""
        own = {name: getattr(group, name) for name in OWN}
        configs = (group.retry_config, group.cooldown_config, group.fallback_config, group.settings)
        settings = {key: value for config in configs for key, value in config.items()}
        streams = initial_of_sticky(group.settings) | initial_of_hedge(group.settings)
        return cls(initial=settings | initial_of(group.retry_config) | streams | own)

    @property
    def strategy_now(self) -> str:
        """The strategy chosen on the page."""
        return str(self["strategy"].value() or "")

    @property
    def numbers(self) -> list[forms.BoundField]:
        """Retries, timeouts, cooldown."""
        return [self[key] for key in SETTINGS]

    @property
    def sections(self) -> list[FieldSection]:
        """The same in sections."""
        return [self._section(config, keys) for config, keys in NUMBERS.items()]

    def _section(self, config: str, keys: Iterable[str]) -> FieldSection:
        shown, folded = [key for key in keys if key not in FOLDED], [key for key in keys if key in FOLDED]
        return FieldSection(TITLES[config], tuple(self[key] for key in shown), tuple(self[key] for key in folded))

    @property
    def fallbacks(self) -> list[forms.BoundField]:
        """The fallback fields."""
        return [self[key] for key in config_checks.FALLBACK]

    @property
    def error_rules(self) -> list[RuleLine]:
        """What follows from which kind of error."""
        return lines_of(self)

    @property
    def has_error_rules(self) -> bool:
        """Whether one of them is set or invalid."""
        return any(is_set(field) for line in self.error_rules for field in (line.here, line.elsewhere, line.wait_s))

    @property
    def has_settings(self) -> bool:
        """Whether an advanced setting is set or invalid, so that the section must be open."""
        is_streaming = bool(self["stream_upstream"].value())
        routing = (self["router"], self["unsupported_params"], self["rescue"], *self.sticky, *self.hedge)
        rest = (*self.numbers, *self.fallbacks, *routing)
        return self.has_error_rules or is_streaming or any(map(is_set, rest))

    @property
    def sticky(self) -> list[forms.BoundField]:
        """Conversations that stay at one deployment."""
        return [self[name] for name, _ in sticky_fields()]

    @property
    def hedge(self) -> list[forms.BoundField]:
        """A second deployment beside one that is slow to begin."""
        return [self[name] for name, _ in hedge_fields()]

    @cached_property
    def teams(self) -> list[Assignee]:
        """The teams to choose from, and assigned ids without a team."""
        return assignable_teams(self._chosen("assigned_team_ids"))

    @cached_property
    def keys(self) -> list[Assignee]:
        """The keys to choose from, and assigned keys that no longer work."""
        return assignable_keys(self._chosen("assigned_key_ids"))

    @property
    def is_assigned(self) -> bool:
        """Whether the group is restricted to teams or keys."""
        return bool(self._chosen("assigned_team_ids") or self._chosen("assigned_key_ids"))

    def group_fields(self) -> GroupFields:
        """The valid fields, as arguments of the actions."""
        said = self.cleaned_data
        return {
            "name": said.get("name", ""),
            "description": said.get("description", ""),
            "strategy": said.get("strategy", Strategy.PRIORITY_FAILOVER),
            "retry_config": self._config("retry_config") | self._error_rules(),
            "cooldown_config": self._config("cooldown_config"),
            "fallback_config": {key: said[key] for key in config_checks.FALLBACK if said.get(key)},
            "settings": self._settings(),
            "assigned_team_ids": said.get("assigned_team_ids", []),
            "assigned_key_ids": said.get("assigned_key_ids", []),
        }

    def _settings(self) -> dict[str, Any]:
        router = self.cleaned_data.get(config_checks.ROUTER)
        in_power_levels = bool(self.cleaned_data.get(config_checks.IN_POWER_LEVELS))
        streams = bool(self.cleaned_data.get(config_checks.STREAM_UPSTREAM))
        rescue = self.cleaned_data.get(config_checks.RESCUE)
        unsupported = self.cleaned_data.get(config_checks.UNSUPPORTED_PARAMS)
        return {
            config_checks.IN_POWER_LEVELS: in_power_levels,
            **({config_checks.ROUTER: router} if router else {}),
            **({config_checks.STREAM_UPSTREAM: True} if streams else {}),
            **({config_checks.UNSUPPORTED_PARAMS: unsupported} if unsupported else {}),
            **({config_checks.RESCUE: rescue} if rescue else {}),
            **sticky_of(self.cleaned_data),
            **hedge_of(self.cleaned_data),
        }

    def _error_rules(self) -> dict[str, Any]:
        rules = by_error_of(self.cleaned_data)
        return {config_checks.BY_ERROR: rules} if rules else {}

    def _chosen(self, name: str) -> list[str]:
        return [str(assigned) for assigned in self[name].value() or ()]

    def _config(self, name: str) -> dict[str, Any]:
        values = {key: self.cleaned_data.get(key) for key in NUMBERS[name]}
        return {key: value for key, value in values.items() if value is not None}


class DeploymentForm(forms.Form):
    """One row. Priority and weight are both kept, even if the strategy uses only one of them."""

    priority = forms.IntegerField(label="Priority", required=False, min_value=1, max_value=1000)
    weight = forms.IntegerField(label="Weight", required=False, min_value=0, max_value=1_000_000)
    display_name = forms.CharField(label="Display name", required=False, max_length=128)
    rpm = WholeNumberField(label="Requests per minute")
    tpm = WholeNumberField(label="Tokens per minute")
    max_parallel = WholeNumberField(label="Requests at once", max_value=MOST_PARALLEL)
    max_wait_s = forms.FloatField(
        label="Wait for a place, seconds", required=False, min_value=0, max_value=LONGEST_WAIT_S
    )

    extra_headers = ObjectField(
        label="Extra headers of its requests", example='{"X-Title": "shop"}', validators=[check_extra_headers]
    )
    extra_body = ObjectField(
        label="Extra fields of its requests", example='{"safe_prompt": true}', validators=[check_extra_body]
    )
    capacity = ObjectField(
        label="What it can take, for rehearsals", example='{"slots": 8, "queue": 32}', validators=[check_capacity]
    )
    region = forms.CharField(label="Region where it runs", required=False, max_length=REGION_LENGTH)

    def __init__(self, data: Mapping[str, Any] | None = None, *, uid: str, initial: Any = None) -> None:
        super().__init__(data, prefix=uid, initial=initial, label_suffix="")
        for name, field in self.fields.items():
            if isinstance(field, ObjectField):
                continue
            is_text = name in ("display_name", "region")
            field.widget.attrs.update(attributes(**({} if is_text else {"inputmode": "numeric"})))

    @property
    def details(self) -> list[forms.BoundField]:
        """The folded fields."""
        return [self[name] for name in self.fields if name not in ("priority", "weight")]

    @property
    def has_details(self) -> bool:
        """Whether a folded field is set or invalid."""
        return any(field.errors or field.value() for field in self.details)

    def placement(self, model_id: UUID) -> Placement:
        """The valid fields, as arguments of the actions."""
        return Placement(model_id=model_id, **self.cleaned_data)
