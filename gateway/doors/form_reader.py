"""Reads a request of form fields and a file (`multipart/form-data`) as it arrives.

Its file goes to an `Upload` that is sent again at each attempt; the other fields are what routing needs to see.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header

from engine.upstreams.uploads import Upload
from gateway.openai import ApiError

KIND = b"multipart/form-data"
BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
MOST_PARTS = 64
LONGEST_FIELD = 64 * 1024
# What decides about the answer must not be there twice: we would read one, and the provider the other.
ONCE = frozenset({"model", "stream", "response_format", "file"})
TRUTHS = {"true": True, "1": True, "false": False, "0": False, "": False}
ADVICE = "Send it as your HTTP library makes it: leave its Content-Type to the library."


class FormReader:
    """One form. `fields` are its texts by name, the last of each; `upload` is all of it.

    The upload is rebuilt from what was parsed, in the client's order and with its boundary: no provider can
    read it in another way than we do.
    """

    def __init__(self, content_type: bytes) -> None:
        self._boundary = _boundary_of(content_type)
        self.fields: dict[str, Any] = {}
        self.upload = Upload(self._boundary)
        self._parts = 0
        self._begin_part()
        self._parser = MultipartParser(
            self._boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin_data,
                "on_part_data": lambda data, start, end: self._add(data[start:end]),
                "on_part_end": self._end_part,
            },
        )

    def feed(self, data: bytes) -> None:
        """The next bytes; raises ApiError 400."""
        try:
            self._parser.write(data)
        except FormParserError:
            raise ApiError(400, f"The body is not valid {KIND.decode()}. {ADVICE}") from None

    def end(self, model: str = "") -> None:
        """After the last bytes; raises ApiError 400. A `model` of the path wins."""
        if self._parser.state != MultipartState.END:
            raise ApiError(400, f"The form ends before its closing boundary. {ADVICE}")
        self.upload.end()
        if model:
            self.fields["model"] = model
        given = str(self.fields.get("stream", "")).lower()
        # A wrong one is refused with the others' words.
        self.fields["stream"] = TRUTHS.get(given, given)

    def _begin_part(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._name, self._value = bytearray(), bytearray()
        self._field, self._is_file = "", False
        self._text = bytearray()

    def _end_header(self) -> None:
        self._headers.append((bytes(self._name), bytes(self._value)))
        self._name, self._value = bytearray(), bytearray()

    def _begin_data(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise ApiError(400, f"The form has more than {MOST_PARTS} fields.")
        self._field, self._is_file = _named(self._headers)
        if self._field in ONCE and self._field in self.fields:
            raise ApiError(400, f"'{self._field}' must be there once.", param=self._field)
        self.upload.begin(self._headers, name=self._field, is_file=self._is_file)

    def _add(self, data: bytes) -> None:
        self.upload.add(data)
        if self._is_file:
            return
        self._text += data
        if len(self._text) > LONGEST_FIELD:
            why = f"'{self._shown}' is longer than {LONGEST_FIELD // 1024} KB; a file needs a file name."
            raise ApiError(400, why, param=self._shown)

    def _end_part(self) -> None:
        self.upload.end_part()
        if self._is_file:
            self.fields[self._field] = True
            return
        try:
            self.fields[self._field] = self._text.decode()
        except UnicodeDecodeError:
            raise ApiError(400, f"'{self._shown}' must be text in UTF-8.", param=self._shown) from None

    @property
    def _shown(self) -> str:
        return self._field[:64]


async def read_form(content_type: bytes, encoding: str, pieces: AsyncIterator[bytes], model: str) -> FormReader:
    """The form of a request; raises ApiError. Who gets it closes its upload."""
    if encoding.strip().lower() not in ("", "identity"):
        raise ApiError(415, "Send the form as it is, without Content-Encoding.", code="unsupported_content_encoding")
    form = FormReader(content_type)
    try:
        async for piece in pieces:
            form.feed(piece)
        form.end(model)
    except BaseException:
        form.upload.close()
        raise
    return form


def _boundary_of(content_type: bytes) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != KIND:
        why = "Send the audio as a form (multipart/form-data) with the fields 'file' and 'model'."
        raise ApiError(400, why, param="file")
    boundary = options.get(b"boundary", b"")
    if not BOUNDARY.fullmatch(boundary):
        raise ApiError(400, f"The Content-Type has no valid boundary. {ADVICE}")
    return boundary


def _named(headers: list[tuple[bytes, bytes]]) -> tuple[str, bool]:
    """The name of a part, and whether it is a file."""
    found = [value for name, value in headers if name.lower() == b"content-disposition"]
    kind, options = parse_options_header(found[0]) if len(found) == 1 else (b"", {})
    name = options.get(b"name", b"")
    with suppress(UnicodeDecodeError):
        if kind == b"form-data" and name:
            return name.decode(), b"filename" in options
    raise ApiError(400, f"A part of the form has no name. {ADVICE}")
