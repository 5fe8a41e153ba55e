"""The form of the import page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict

from interchange.bundle import Bundle
from interchange.files import MAX_BYTES, FileFormat, bundle_from, checked
from pages.forms import attributes


class ImportForm(forms.Form):
    """A file, chosen or pasted. `data` ends up holding its text with the keys sealed, so that it can be shown."""

    content = forms.CharField(
        label="Content of the file",
        required=False,
        strip=False,
        widget=forms.Textarea(attributes(rows=14, wrap="off")),
    )
    file = forms.FileField(
        label="Or choose a file",
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"class": "input", "accept": ".json,.yaml,.yml"}),
    )

    def __init__(self, data: Any = None, files: MultiValueDict[str, UploadedFile] | None = None) -> None:
        super().__init__(data, files)
        self.bundle: Bundle | None = None
        self.file_format: FileFormat | None = None

    def clean(self) -> dict[str, Any]:
        """A chosen file wins over the text; its content is in `bundle` afterwards."""
        values = super().clean() or {}
        file: UploadedFile | None = values.get("file")
        text = values.get("content", "") if file is None else self._of_file(file)
        try:
            self._show(text := checked(text))
            self.bundle, self.file_format = bundle_from(text)
        except ValidationError as error:
            self.add_error("content", error.messages)
        return values

    def _of_file(self, file: UploadedFile) -> str:
        if (file.size or 0) > MAX_BYTES:
            self.add_error("file", "This file is larger than 1 MB; import it in parts.")
            return ""
        try:
            return bytes(file.read()).decode("utf-8-sig")
        except UnicodeDecodeError:
            self.add_error("file", "This is not a text file; choose a JSON or YAML file in UTF-8.")
            return ""

    def _show(self, text: str) -> None:
        self.data = {**self.data, "content": text}
