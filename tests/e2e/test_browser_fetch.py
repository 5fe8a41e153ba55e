"""A page of another origin calls a model with `fetch`, where the console allows its origin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.fakes import ANSWER, ScriptedUpstream
from tests.odd_servers import Page as WebPage
from tests.servers import MASTER_KEY, console

ASK = """async ([url, key, stream]) => {
  const answer = await fetch(url, {
    method: "POST",
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: JSON.stringify({ model: "browsers", stream, messages: [{ role: "user", content: "Hello" }] }),
  }).catch((error) => error);
  if (answer instanceof Error) return [answer.name, "", ""];
  return [answer.status, await answer.text(), answer.headers.get("x-request-id") ?? ""];
}"""


@dataclass(frozen=True)
class Place:
    """Where to ask, and two pages of other origins, of which the console allows the first."""

    url: str
    allowed: str
    strange: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ScriptedUpstream() as upstream, ScriptedUpstream(WebPage()) as one, ScriptedUpstream(WebPage()) as other:
        allowed, strange = one.url.removesuffix("/v1"), other.url.removesuffix("/v1")
        with console(tmp_path_factory.mktemp("browsers"), CORS_ORIGINS=allowed) as ours:
            ours.add_group("browsers", [ours.add_model(provider="Scripted", api_base=upstream.url)])
            yield Place(f"{ours.url}/v1/chat/completions", allowed, strange)


def asked(browser: Browser, origin: str, place: Place, key: str = MASTER_KEY, *, stream: bool = False) -> list[Any]:
    """Status or error's name, body and request's id, as a script of that origin sees them."""
    page = browser.new_page()
    page.goto(origin)
    found: list[Any] = page.evaluate(ASK, [place.url, key, stream])
    page.close()
    return found


def test_a_page_of_an_allowed_origin_reads_answers_streams_and_headers(browser: Browser, place: Place):
    status, body, request_id = asked(browser, place.allowed, place)
    assert (status, ANSWER in body, bool(request_id)) == (200, True, True)
    status, body, _ = asked(browser, place.allowed, place, stream=True)
    assert (status, body.count("data: ") > 2, "[DONE]" in body) == (200, True, True)


def test_it_reads_why_it_is_refused(browser: Browser, place: Place):
    status, body, _ = asked(browser, place.allowed, place, key="sk-wrong")
    assert (status, "unknown, revoked or expired" in body) == (401, True)


def test_a_page_of_another_origin_reads_nothing(browser: Browser, place: Place):
    assert asked(browser, place.strange, place) == ["TypeError", "", ""]
