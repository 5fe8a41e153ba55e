"""The builder under a finger: real touch events on a phone's screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.e2e.building import ABOVE, ONTO, expect_order, expect_shown, grip_of, order, place_in, rows
from tests.e2e.stage import new_page

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def phone(browser: Browser, base_url: str, signed_in: Any) -> Iterator[Page]:
    page = new_page(browser, base_url, storage_state=signed_in, **PHONE)
    yield page
    page.context.close()


def touch(session: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    touches = [{"x": x, "y": y} for x, y in points]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def drag(page: Page, number: int, to: int, part: float) -> None:
    """Holds a row's handle for a moment, pulls it over a point of another row, lets go."""
    session = page.context.new_cdp_session(page)
    x, y = grip_of(page, number)
    touch(session, "touchStart", (x, y))
    # Sortable waits 120 ms before a touch is a drag, so that a swipe can scroll.
    expect(rows(page).nth(number)).to_have_class(re.compile("sortable-chosen"))
    end_x, end_y = place_in(page, to, part)
    for step in range(1, 16):
        touch(session, "touchMove", (x + (end_x - x) * step / 15, y + (end_y - y) * step / 15))
    expect_shown(page, to, is_onto=part == ONTO)
    touch(session, "touchEnd")


def pick(page: Page, count: int) -> None:
    page.goto("/groups/new")
    for number in range(count):
        page.get_by_label("Add a deployment").tap()
        page.locator("[role=option]:not([aria-disabled])").first.tap()
        expect(rows(page)).to_have_count(number + 1)


def test_rows_are_dragged_by_finger(phone: Page) -> None:
    pick(phone, 3)
    first, second, third = (name.rpartition(" ")[0] for name in order(phone))
    drag(phone, 1, 0, ABOVE)
    expect_order(phone, f"{second} 1", f"{first} 2", f"{third} 3")
    drag(phone, 1, 0, ONTO)
    expect_order(phone, f"{second} 1", f"{first} 1", f"{third} 2")


def test_arrows_are_large_enough_to_tap(phone: Page) -> None:
    pick(phone, 2)
    first, second = (name.rpartition(" ")[0] for name in order(phone))
    button = rows(phone).nth(1).get_by_role("button", name=" up")
    size = button.bounding_box()
    assert size is not None
    assert min(size["width"], size["height"]) >= 38
    button.tap()
    expect_order(phone, f"{second} 1", f"{first} 2")
