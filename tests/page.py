"""What every page of ours must keep to, read from its HTML; and who reads it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any, Protocol

import pytest
from django.test import Client

HTMX = {"HX-Request": "true"}
ADDRESSES = ("href", "src", "action", "hx-get", "hx-post")
BLOCKS = (
    "article|aside|caption|d[dlt]|details|dialog|div|fieldset|footer|form|h[1-6]|head|header|li|link|main|meta|nav|"
    "noscript|ol|option|p|section|summary|t[dhr]|table|tbody|tfoot|thead|title|ul"
)
AS_IT_IS = re.compile(r"(?<=>)([^<]*)(?=</(?:pre|textarea)>)")
AROUND_BLOCKS = re.compile(rf" ?(</?(?:{BLOCKS})\b[^>]*>) ?")


class Response(Protocol):
    """A view's, or the test client's."""

    @property
    def content(self) -> bytes: ...


class Tags(HTMLParser):
    """All start tags of a page with their attributes, and the text between <script> tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inline_code = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in ("script", "style") and self.cdata_elem:
            self.inline_code += data


def html_of(response: Response) -> str:
    """The page on one line, after checking that the content security policy and no other host can hurt it."""
    html = response.content.decode()
    tags = Tags(html)
    assert tags.inline_code.strip() == ""
    for tag, attributes in tags.found:
        assert tag != "style"
        assert not {name for name in attributes if name == "style" or name.startswith("on")}, (tag, attributes)
        for name in ADDRESSES:
            address = attributes.get(name) or "/"
            assert address.startswith(("/", "#", "?")), address
            assert not address.startswith("//"), address
    return on_one_line(html)


def on_one_line(html: str) -> str:
    """The page without the whitespace that comes of wrapping its templates, and that a browser does not show."""
    parts = AS_IT_IS.split(html)
    parts[::2] = [AROUND_BLOCKS.sub(r"\1", re.sub(r"[ \n]+", " ", part).replace(" >", ">")) for part in parts[::2]]
    return "".join(parts)


def signed_in(name: str) -> Any:
    """A fixture: the browser of alice, bob, charlie or dora. `page = signed_in("bob")` makes one called `page`."""

    @pytest.fixture
    def browser(client: Client, request: pytest.FixtureRequest) -> Client:
        client.force_login(request.getfixturevalue(name))
        return client

    return browser
