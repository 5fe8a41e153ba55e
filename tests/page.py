"""What every page of ours must keep to, read from its HTML; and who reads it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any, Protocol

import pytest
from django.test import Client

HTMX = {"HX-Request": "true"}
ADDRESSES = ("href", "src", "action", "hx-get", "hx-post")


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
    """The page's text, after checking that the content security policy and no other host can hurt it."""
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
    return html


def signed_in(name: str) -> Any:
    """A fixture: the browser of alice, bob, charlie or dora. `page = signed_in("bob")` makes one called `page`."""

    @pytest.fixture
    def browser(client: Client, request: pytest.FixtureRequest) -> Client:
        client.force_login(request.getfixturevalue(name))
        return client

    return browser
