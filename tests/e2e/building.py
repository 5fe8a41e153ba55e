"""A person's actions in the builder, for several tests."""

from __future__ import annotations

import re

from playwright.sync_api import FloatRect, Locator, Page, expect

ABOVE, ONTO, BELOW = 0.1, 0.5, 0.92  # parts of a row's height, where a dragged one is let go


def open_new(page: Page, name: str, *, count: int = 3) -> None:
    """A new group with the first models of the catalog, picked by mouse."""
    page.goto("/groups/new")
    page.get_by_label("Name", exact=True).fill(name)
    for number in range(count):
        page.get_by_label("Add a deployment").click()
        page.locator("[role=option]:not([aria-disabled])").first.click()
        expect(rows(page)).to_have_count(number + 1)
        expect(page.locator("[role=option]").first).to_be_hidden()


def choose(page: Page, strategy: str) -> None:
    """Another strategy, and the list as the server makes it for that."""
    page.get_by_role("radio", name=re.compile(strategy)).check()
    expect(page.locator(".htmx-request")).to_have_count(0)


def rows(page: Page) -> Locator:
    return page.locator(".builder-row")


def order(page: Page) -> list[str]:
    """The providers from top to bottom, each with its number: `Azure 1`."""
    return page.locator(".builder-row").evaluate_all(
        "rows => rows.map(r => r.querySelector('strong').textContent + ' ' + r.querySelector('.for-priority').value)"
    )


def expect_order(page: Page, *wanted: str) -> None:
    names = [name.rpartition(" ")[0] for name in wanted]
    expect(page.locator(".builder-row strong")).to_have_text(names)
    for number, name in enumerate(wanted):
        expect(rows(page).nth(number).locator(".for-priority.number")).to_have_value(name.rpartition(" ")[2])


def box(locator: Locator) -> FloatRect:
    found = locator.bounding_box()
    assert found is not None
    return found


def grip_of(page: Page, number: int) -> tuple[float, float]:
    """The middle of a row's handle, with the whole list on the screen."""
    page.locator(".builder-list").evaluate("list => list.scrollIntoView({block: 'center'})")
    found = box(rows(page).nth(number).locator(".grip"))
    return found["x"] + found["width"] / 2, found["y"] + found["height"] / 2


def place_in(page: Page, number: int, part: float) -> tuple[float, float]:
    """A point of a row: `part` 0 is its upper edge, 1 its lower one."""
    found = box(rows(page).nth(number))
    return found["x"] + 30, found["y"] + found["height"] * part


def expect_shown(page: Page, to: int, *, is_onto: bool) -> None:
    """What a drag would do, before it is let go."""
    expect(rows(page).nth(to)).to_have_class(re.compile("is-target" if is_onto else "is-dragged"))


def save(page: Page) -> None:
    page.get_by_role("button", name="Save group").first.click()
