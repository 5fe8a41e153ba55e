"""The first steps of a newcomer: from sign-in to a group that has answered a test."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.e2e.stage import follow
from tests.servers import MASTER_KEY

MOST_INTERACTIONS = 12


class Newcomer:
    """Counts what hands do: a click, or a field that is filled in."""

    def __init__(self) -> None:
        self.count = 0

    def click(self, what: Locator) -> None:
        self.count += 1
        what.click()

    def follow(self, what: Locator) -> None:
        self.count += 1
        follow(what)

    def fill(self, field: Locator, text: str) -> None:
        self.count += 1
        field.fill(text)


def test_from_sign_in_to_a_group_that_has_answered_in_at_most_12_interactions(page: Page) -> None:
    hand = Newcomer()
    page.goto("/")
    hand.fill(page.get_by_label("Username"), "admin")
    hand.fill(page.get_by_label("Password"), MASTER_KEY)
    hand.follow(page.get_by_role("button", name="Sign in"))
    hand.follow(page.get_by_role("link", name="New group"))
    hand.fill(page.get_by_label("Name", exact=True), "my-first-group")
    for number in (1, 2):
        hand.click(page.get_by_label("Add a deployment"))
        hand.click(page.locator("[role=option]:not([aria-disabled])").first)
        expect(page.locator(".builder-row")).to_have_count(number)
    hand.follow(page.get_by_role("button", name="Save group").first)
    hand.click(page.get_by_role("button", name="Send test"))
    expect(page.locator("#group-test").get_by_text("Answered")).to_be_visible()
    assert hand.count <= MOST_INTERACTIONS
