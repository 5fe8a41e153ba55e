"""A group that is being edited: the form with its rows, before anything is stored."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import QueryDict

from groups.config_checks import FALLBACK
from groups.deployments.percentages import as_percentages, percentages
from groups.deployments.placements import Placement, rows_of
from groups.models import Deployment, RoutingGroup
from groups.versions.differences import Difference, differences
from groups.versions.snapshots import snapshot_of
from pages.groups.builder import deployment_rows as row_list
from pages.groups.builder.deployment_rows import DeploymentRow, Rows
from pages.groups.builder.forms import DeploymentForm, GroupForm
from pages.groups.builder.picker import models_by_id
from pages.groups.cards import DeploymentCard, card_of
from providers.models import LanguageModel

TYPED = tuple(field.name for field in fields(DeploymentRow) if field.name != "uid")
NUMBERED = re.compile(r"Deployment (\d+): (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class DeploymentLine:
    """A row on the page; `model` is None if it is gone from the catalog.

    `weight` is the typed one, 0 if it takes no traffic; `share` is in percent of all of them.
    """

    row: DeploymentRow
    form: DeploymentForm
    model: LanguageModel | None
    card: DeploymentCard | None
    share: int
    weight: int
    is_with_above: bool

    @property
    def name(self) -> str:
        """Its name in the labels of its buttons, different for two models of one provider."""
        return f"{self.card.title} {self.model.name}" if self.card and self.model else "The lost model"

    @property
    def problem(self) -> str:
        """Why it takes no traffic."""
        return self.card.problem if self.card else "This model is no longer in the catalog. Take it out."


class Draft:
    """The group's own form and its rows. A `sent` draft is checked; the others only show the input."""

    def __init__(self, form: GroupForm, rows: Rows, *, is_sent: bool = False) -> None:
        self.form, self.is_sent = form, is_sent
        self.rows = row_list.in_order(rows, form.strategy_now)
        if not is_sent:
            self.rows = row_list.with_weights(self.rows, form.strategy_now)
        self.row_forms = [_row_form(row, is_sent=is_sent) for row in self.rows]
        self.row_errors: list[str] = []

    @classmethod
    def typed(cls, data: QueryDict, rows: Rows) -> Draft:
        """The content of the page with these rows, between two saves."""
        return cls(GroupForm.typed(data), rows)

    @classmethod
    def sent(cls, data: QueryDict) -> Draft:
        """The content of the page, to be checked."""
        return cls(GroupForm(data), rows_in(data), is_sent=True)

    @classmethod
    def of(cls, group: RoutingGroup) -> Draft:
        """The draft of a stored group, with its deployments."""
        return cls(GroupForm.of(group), tuple(_row_of(deployment) for deployment in group.deployments.all()))

    def is_valid(self) -> bool:
        """Whether each field is valid by itself; their combination is checked on save."""
        if not self.rows:
            self.row_errors = ["Add at least one deployment: search for a model above."]
        return all([self.form.is_valid(), *(form.is_valid() for form in self.row_forms), bool(self.rows)])

    @property
    def has_row_errors(self) -> bool:
        """Whether a row has errors."""
        return any(form.errors for form in self.row_forms)

    def placements(self) -> list[Placement]:
        """The deployments, as arguments of the actions."""
        return [form.placement(UUID(row.uid)) for row, form in zip(self.rows, self.row_forms, strict=True)]

    def unsaved(self, base: RoutingGroup | None = None) -> tuple[RoutingGroup, list[Deployment]]:
        """The unsaved group, in memory only, based on `base`. Raises ValidationError for a missing model."""
        self.is_valid()
        kept = {name: getattr(base, name) for name in ("pk", "is_active", "revision")} if base else {}
        return RoutingGroup(**kept, **self.form.group_fields()), rows_of(self.placements())

    def errors_beyond(self, *fields: str) -> Iterator[str]:
        """The errors outside these fields, as sentences with the place."""
        for form in (self.form, *self.row_forms):
            for name, errors in form.errors.items():
                if name not in fields:
                    yield from (f"{form[name].label}: {error}" for error in errors)

    def blame(self, error: ValidationError) -> None:
        """Shows an action's errors beside their fields."""
        for field, messages in error.message_dict.items():
            for message in messages:
                self._blame(field, message)

    def lines(self) -> list[DeploymentLine]:
        """The rows for the page; one query."""
        found = models_by_id([row.uid for row in self.rows])
        models = [found.get(row.uid) for row in self.rows]
        cards = [_card(row, model) for row, model in zip(self.rows, models, strict=True)]
        weights = [_weight(row, card) for row, card in zip(self.rows, cards, strict=True)]
        shares = percentages(weights)
        tied = [row_list.is_with_above(self.rows, at) for at in range(len(self.rows))]
        return [
            DeploymentLine(*parts)
            for parts in zip(self.rows, self.row_forms, models, cards, shares, weights, tied, strict=True)
        ]

    def _blame(self, field: str, message: str) -> None:
        key, _, rest = message.partition(": ")
        key = key.replace(".", "-")  # by_error.timeout.here
        if field == "deployments":
            self._blame_row(message)
        elif field == "fallback_config":
            self.form.add_error(self._fallback_meant(message), message)
        elif field in self.form.fields:
            self.form.add_error(field, message)
        else:
            self.form.add_error(key if key in self.form.fields else None, rest or message)

    def _blame_row(self, message: str) -> None:
        numbered = NUMBERED.fullmatch(message)
        if numbered is None:
            self.row_errors.append(message)
            return
        form = self.row_forms[int(numbered[1]) - 1]
        form.add_error("weight" if "needs a weight" in message else None, numbered[2])

    def _fallback_meant(self, message: str) -> str:
        said = self.form.cleaned_data
        return next((key for key in FALLBACK if any(name in message for name in said.get(key, ()))), FALLBACK[0])


def in_percent(lines: list[DeploymentLine]) -> Rows:
    """The rows with their shares as weights, so that those that take traffic add up to 100; what is no number stays."""
    weighed = [line for line in lines if row_list.is_number(line.row.weight)]
    shares = as_percentages([int(line.row.weight) for line in weighed], [not line.problem for line in weighed])
    by_uid = {line.row.uid: str(share) for line, share in zip(weighed, shares, strict=True)}
    return tuple(replace(line.row, weight=by_uid.get(line.row.uid, line.row.weight)) for line in lines)


def rows_in(data: QueryDict) -> Rows:
    """The rows of a posted form, in the order of the page; values that are not ids are ignored."""
    uids = dict.fromkeys(uid for uid in data.getlist("row") if row_list.is_id(uid))
    return tuple(_typed_row(data, uid) for uid in uids)


def _typed_row(data: QueryDict, uid: str) -> DeploymentRow:
    return DeploymentRow(uid, **{name: data.get(f"{uid}-{name}", "").strip() for name in TYPED})


def _row_of(deployment: Deployment) -> DeploymentRow:
    values = {name: getattr(deployment, name) for name in TYPED}
    return DeploymentRow(str(deployment.model_id), **{name: _typed(value) for name, value in values.items()})


def _row_form(row: DeploymentRow, *, is_sent: bool) -> DeploymentForm:
    values = {name: value for name, value in asdict(row).items() if name != "uid"}
    if not is_sent:
        return DeploymentForm(uid=row.uid, initial=values)
    return DeploymentForm({f"{row.uid}-{name}": value for name, value in values.items()}, uid=row.uid)


def _weight(row: DeploymentRow, card: DeploymentCard | None) -> int:
    takes_traffic = card is not None and not card.problem
    return int(row.weight) if takes_traffic and row_list.is_number(row.weight) else 0


def _card(row: DeploymentRow, model: LanguageModel | None) -> DeploymentCard | None:
    return card_of(Deployment(model=model, display_name=row.display_name), None) if model else None


@dataclass(frozen=True, slots=True)
class EditConflict:
    """The current group, and its differences from the draft: `before` is theirs, `after` is yours."""

    group: RoutingGroup
    lines: tuple[Difference, ...]


def conflict_of(draft: Draft, group: RoutingGroup) -> EditConflict | None:
    """The draft compared with the stored group; None if the draft has a missing model, which becomes an error of the
    form."""
    try:
        mine = snapshot_of(*draft.unsaved(group))
    except ValidationError as error:
        draft.blame(error)
        return None
    return EditConflict(group, differences(snapshot_of(group, group.deployments.all()), mine))


def _typed(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value) if value else ""
    return "" if value is None else str(value)
