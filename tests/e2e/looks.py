"""The faults of a page: axe's rules in each theme, and whether it fits the screen, at each width."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
THEMES = ("dark", "light", "unicorn")
# The widest last: what a test does next, it does there.
PHONE, TABLET, DESK = WIDTHS = (390, 1024, 1440)
USUAL = 1280  # a new page's
# A theme changes colours and nothing else, so that the other rules are asked at each width, but of one theme.
OF_COLOURS = ("color-contrast", "link-in-text-block")
LOOK = """async ([part, themes, ofColours]) => {
  const found = [];
  for (const [number, theme] of themes.entries()) {
    if (theme) document.documentElement.dataset.theme = theme;
    document.getAnimations().filter((one) => one instanceof CSSTransition).forEach((one) => one.finish());
    const rules = number ? { runOnly: ofColours } : {};
    const { violations } = await axe.run(part, { resultTypes: ['violations'], ...rules });
    for (const { id, nodes } of violations)
      found.push(...nodes.map((node) => `${theme} ${id}: ${node.target} ${node.failureSummary}`));
  }
  return found;
}"""


def faults(
    page: Page, *, themes: Iterable[str] = THEMES, widths: Iterable[int] = WIDTHS, fits: Iterable[int] = ()
) -> list[str]:
    """What axe finds in each theme at each width; and where the page is too wide, at widths that it `fits` too."""
    found = [f"{width} px: wider than the screen" for width in fits if _is_too_wide(page, width)]
    for width in widths:
        if _is_too_wide(page, width):
            found.append(f"{width} px: wider than the screen")
        found += [f"{width} px: {fault}" for fault in violations(page, themes=themes)]
    return found


def violations(page: Page, *, themes: Iterable[str] = ("",), within: str = "html") -> list[str]:
    """What axe has against the page, or a part of it, in each theme; without any, in the one that it has."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    return list(page.evaluate(LOOK, [within, list(themes), OF_COLOURS]))


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def _is_too_wide(page: Page, width: int) -> bool:
    page.set_viewport_size({"width": width, "height": 900})
    return overflow(page) > 0
