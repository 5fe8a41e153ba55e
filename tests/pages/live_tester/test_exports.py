"""A run as files: pictures that stand alone, and JSON."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest

from tester.models import Run
from tester.picture.colours import Colour, mix
from tester.picture.stylesheet import matches, rules_of
from tester.picture.values import resolved

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def run(rehearsed, ids):
    rates = {"deployment_failure_rates": {ids[0]: 0.5}}
    return rehearsed(num_requests=60, seed=5, failure_injection=rates)


@pytest.fixture
def picture(client, charlie, run):
    client.force_login(charlie)

    def get(query: str = "") -> str:
        answer = client.get(f"/runs/{run.pk}/picture.svg?{query}")
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml")
        return answer.content.decode()

    return get


@pytest.mark.parametrize("mode", ["ordered", "weighted"])
@pytest.mark.parametrize("theme", ["dark", "light", "unicorn"])
def test_a_picture_is_xml_that_needs_nothing_else(picture, mode, theme):
    svg = picture(f"mode={mode}&theme={theme}")
    ElementTree.fromstring(svg)
    for word in ("var(", "light-dark(", "color-mix(", "class=", "href=", "@import", "<script", "<a "):
        assert word not in svg
    addresses = set(re.findall(r"url\((.{5})", svg))
    assert all(address.startswith("#") or address == "data:" for address in addresses)


def test_a_picture_shows_its_moment_and_its_theme(picture, run):
    early, late = picture("at_ms=1000"), picture()
    assert "seed 5, at 1.0 s" in early
    assert ">60<" in late
    assert ">60<" not in early
    assert '<rect width="884" height="490.0" fill="#111827"' in late
    assert 'fill="#ffffff"' in picture("theme=light")


def test_a_picture_may_use_its_own_font_and_style_and_nothing_else(client, charlie, run):
    client.force_login(charlie)
    policy = client.get(f"/runs/{run.pk}/picture.svg")["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


@pytest.mark.parametrize("bad", ["at_ms=-1", "at_ms=now", "mode=sideways", "theme=pink"])
def test_a_picture_that_cannot_be_is_refused(client, charlie, run, bad):
    client.force_login(charlie)
    answer = client.get(f"/runs/{run.pk}/picture.svg?{bad}")
    assert answer.status_code == 400
    assert bad.split("=")[0] in answer.content.decode()


def test_names_that_are_markup_stay_names(picture, run):
    group = run.group
    Run.objects.filter(pk=run.pk).update(scenario="<b>&\x0b", config={})
    group.deployments.update(display_name="<script>\x01")
    texts = [element.text for element in ElementTree.fromstring(picture()).iter(f"{SVG}text")]
    assert any("<b>&, seed 5" in (text or "") for text in texts)
    assert "<script>" in texts


def test_the_json_has_everything_but_the_traces(client, charlie, run):
    client.force_login(charlie)
    answer = client.get(f"/runs/{run.pk}/export.json")
    with pytest.warns(Warning, match="asynchronous"):  # the client of the tests is a synchronous one
        told = json.loads(b"".join(answer))
    assert set(told) == {"run", "config", "result", "frames"}
    assert (told["run"]["run_id"], told["run"]["seed"]) == (str(run.pk), 5)
    assert told["result"] == run.result
    assert told["frames"] == [frame.data for frame in run.frames.all()]
    assert answer["Content-Disposition"] == 'attachment; filename="chat-failure-rates-5.json"'


def test_file_names_hold_no_surprise(client, charlie, run):
    Run.objects.filter(pk=run.pk).update(group_name='a/b"; x', scenario="ü\n")
    client.force_login(charlie)
    answer = client.get(f"/runs/{run.pk}/export.json")
    assert answer["Content-Disposition"] == 'attachment; filename="a-b-x---5.json"'


def test_colours_are_mixed_as_browsers_mix_them():
    teal, white = Colour.read("#14b8a6"), Colour.read("white")
    assert mix(teal, white, 0.78).hex == "#65c8b9"
    assert mix(teal, Colour.read("transparent"), 0.25) == pytest.approx((*teal[:3], 0.25), abs=1e-3)
    assert Colour.read("#0f08") == pytest.approx((0, 1, 0, 0x88 / 255))
    assert Colour.read("currentColor") is None


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("var(--c)", "#14b8a6"),
        ("var(--gone, #0a0f1c)", "#0a0f1c"),
        ("var(--gone)", ""),
        ("light-dark(#fff, var(--c))", "#14b8a6"),
        ("color-mix(in oklab, var(--c), transparent 75%)", "#14b8a640"),
        ("color-mix(in oklab, var(--gone) 15%, white)", ""),
        ("2 4", "2 4"),
    ],
)
def test_values_lose_their_functions(value, plain):
    assert resolved(value, {"--c": "#14b8a6"}, "dark") == plain


@pytest.mark.parametrize(
    ("selector", "is_match"),
    [
        (".card .name", True),
        (".page > .card > .name", True),
        (".page > .name", False),
        (":is(.x, text).name:not(.x)", True),
        ('[data-theme="light"] .name', True),
        ('[data-theme="dark"] .name', False),
        (".card:has(text:empty) .name", True),
        (".name:hover", False),
        (".card + .name", False),
        (":root .name", True),
    ],
)
def test_selectors_match_as_in_a_browser(selector, is_match):
    page = ElementTree.fromstring('<div class="page" data-theme="light"><g class="card"><text class="name"/></g></div>')
    card = page[0]
    assert matches(selector, card[0], [card, page]) is is_match


def test_stronger_rules_come_later_and_at_rules_not_at_all():
    css = "/* x */ .a .b { fill: red } @media (x) { .a { fill: blue } } .a { fill: green; --c: 1 } text, .d { x: y }"
    assert [rule.selector for rule in rules_of(css)] == ["text", ".a", ".d", ".a .b"]
    assert rules_of(css)[1].declarations == {"fill": "green", "--c": "1"}
