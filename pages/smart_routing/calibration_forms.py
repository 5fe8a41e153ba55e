"""The forms of the calibration page: the prompts, and the thresholds to try on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict

from engine.complexity import ComplexityRules
from groups.models.virtual import MOST_POINTS
from groups.virtual.calibration import Digest, digest_from, digest_of, prompts_in
from pages.forms import attributes

MOST_BYTES = 20 * 1024 * 1024
USUAL_ANSWER_TOKENS = 300


class PromptsForm(forms.Form):
    """Prompts, pasted or as a file. `digest` holds their scores once the form is valid."""

    prompts = forms.CharField(
        label="Prompts",
        required=False,
        strip=False,
        widget=forms.Textarea(attributes(rows=12, wrap="off")),
    )
    file = forms.FileField(
        label="Or choose a file",
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput({"class": "input", "accept": ".txt,.jsonl,.json,.ndjson"}),
    )

    def __init__(
        self, data: Any = None, files: MultiValueDict[str, UploadedFile] | None = None, *, rules: ComplexityRules
    ) -> None:
        super().__init__(data, files, label_suffix="")
        self._rules = rules
        self.digest: Digest | None = None

    def clean(self) -> dict[str, Any]:
        """A chosen file wins over the text."""
        values = super().clean() or {}
        file: UploadedFile | None = values.get("file")
        try:
            text = values.get("prompts", "") if file is None else _text_of(file)
            self.digest = digest_of(prompts_in(text), self._rules)
            if not self.digest.counts:
                raise ValidationError("None of these prompts has any text of a user.")
        except ValidationError as error:
            self.add_error("prompts", error)
        return values


class ThresholdsForm(forms.Form):
    """One number for each tier but the lowest, and the length of an answer."""

    answer_tokens = forms.IntegerField(
        label="Tokens of an answer",
        min_value=0,
        max_value=1_000_000,
        initial=USUAL_ANSWER_TOKENS,
        widget=forms.NumberInput({"class": "input", "inputmode": "numeric"}),
    )

    def __init__(self, data: Any = None, *, stored: Sequence[int], names: Sequence[str]) -> None:
        super().__init__(data, label_suffix="")
        for number, (threshold, name) in enumerate(zip(stored, names, strict=True), start=1):
            self.fields[f"threshold{number}"] = forms.IntegerField(
                label=f"{name} from a score of",
                min_value=-MOST_POINTS,
                max_value=MOST_POINTS,
                initial=threshold,
                widget=forms.NumberInput({"class": "input number", "inputmode": "numeric"}),
            )

    def clean(self) -> dict[str, Any]:
        """Thresholds must ascend."""
        values = super().clean() or {}
        given = [value for name in self._names if (value := values.get(name)) is not None]
        if given != sorted(set(given)):
            raise ValidationError("Each tier begins above the one before it: put the thresholds in order.")
        return values

    @property
    def _names(self) -> list[str]:
        return [name for name in self.fields if name.startswith("threshold")]

    @property
    def boxes(self) -> list[forms.BoundField]:
        """The thresholds, lowest first."""
        return [self[name] for name in self._names]

    @property
    def thresholds(self) -> list[int]:
        """The given thresholds; at first the stored ones."""
        values = self.cleaned_data if self.is_bound else self.initial
        return [values.get(name, self.fields[name].initial) for name in self._names]

    @property
    def tokens(self) -> int:
        """The assumed length of an answer, in tokens."""
        return self.cleaned_data["answer_tokens"] if self.is_bound else USUAL_ANSWER_TOKENS


def digest_in(data: Any) -> Digest:
    """The scores that the page sends along. Raises ValidationError."""
    found = digest_from(data.get("digest", ""))
    unscored = data.get("unscored", "0")
    return Digest(found.counts, int(unscored) if unscored.isascii() and unscored.isdigit() else 0)


def _text_of(file: UploadedFile) -> str:
    if (file.size or 0) > MOST_BYTES:
        raise ValidationError(f"This file is larger than {MOST_BYTES // 1024 // 1024} MB; take a part of it.")
    try:
        return bytes(file.read()).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValidationError("This is not a text file; choose one in UTF-8.")
