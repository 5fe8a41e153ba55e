"""Figures that load after their list, late: the list they were meant for is gone by then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.servers import Console

Change = Callable[[Page], Any]


@pytest.fixture(scope="module", autouse=True)
def _two_teams(server: Console) -> None:
    for name in ("late-one", "late-two"):
        server.call("POST", "/api/v1/llm/teams", {"name": name})


def searched(text: str) -> Change:
    return lambda page: page.locator("#filters input[type=search]").fill(text)


def told_of_news(page: Page) -> None:
    page.evaluate("document.body.dispatchEvent(new CustomEvent('providers-changed'))")


# Where each list is, what it asks for its figures, what replaces it, its cells, and cells with a figure.
LISTS = {
    "groups": ("/groups", "**/groups/activity?*", searched("demo-weigh"), "[id^=health-]", ":has(.pill)"),
    "models": ("/models", "**/models/figures?*", searched("llama"), "[id^=latency-]", ":has([title])"),
    "teams": ("/teams", "**/teams/group-counts?*", searched("late-two"), "[id^=groups-of-]", ":not(.quiet)"),
    "providers": ("/providers", "**/providers/figures*", told_of_news, "#figure-calls", ":not(:has(.quiet))"),
}


@pytest.mark.parametrize(("path", "figures", "change", "cell", "filled"), LISTS.values(), ids=LISTS)
def test_a_list_that_is_replaced_gets_its_own_figures_and_no_others(
    admin: Page, path: str, figures: str, change: Change, cell: str, filled: str
) -> None:
    held: list[Route] = []
    admin.route(figures, lambda route: route.continue_() if held else held.append(route))
    with admin.expect_request(figures):
        admin.goto(path)
    with admin.expect_response(figures):
        change(admin)
    expect(admin.locator(cell).first).to_be_attached()
    expect(admin.locator(f"{cell}:not({filled})")).to_have_count(0)
    held[0].continue_()
    if answer := held[0].request.response():  # none, when nobody waits for it any more
        answer.finished()
    admin.evaluate("new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)))")
