"""The diagram as HTML: it says what the scene says, under a strict content security policy."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils import translation

from engine.spec import Strategy
from tester.scene import Mode, Scene, scene_of
from tester.scene.elements import PATCHED
from tests.page import Tags, html_of
from tests.tester.rehearsed import WEIGHTS, drawn, spec_of
from tests.tester.test_scene import CHAIN, SEED


def html(scene: Scene) -> str:
    return html_of(HttpResponse(render_to_string("live_tester/_scene.html", {"scene": scene})))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("count", WEIGHTS)
def test_every_part_is_on_the_page_once_and_led_by_one_element(count: int, mode: Mode):
    scene = scene_of(drawn(spec_of(count, Strategy.PRIORITY_FAILOVER)), SEED, mode)
    attributes = [found for _, found in Tags(html(scene)).found]
    ids = Counter(a["id"] for a in attributes if "id" in a)
    followers = {a["data-of"] for a in attributes if "data-of" in a}
    parts = {part.id for part in scene.parts}
    assert set(ids.values()) == {1}
    assert parts <= ids.keys()
    assert followers <= parts


def test_elements_carry_the_attributes_of_their_parts_wherever_they_are():
    scene = scene_of(CHAIN, SEED, Mode.ORDERED)
    wanted = {part.id: {k: v for k, v in part.attributes.items() if k != "#text"} for part in scene.parts}
    for _, attributes in Tags(html(scene)).found:
        if (id := attributes.get("data-of") or attributes.get("id")) in wanted:
            assert wanted[id].items() <= attributes.items(), id


def test_the_page_names_the_attributes_that_patches_may_touch():
    scene = scene_of(CHAIN, SEED, Mode.ORDERED)
    (named,) = [a["data-patched"] for _, a in Tags(html(scene)).found if "data-patched" in a]
    assert set(named.split()) == PATCHED


def test_no_whitespace_is_added_to_texts_as_styles_ask_which_are_empty():
    page = render_to_string("live_tester/_scene.html", {"scene": scene_of(CHAIN, SEED, Mode.ORDERED)})
    assert not re.findall(r"<text[^>]*>\s|\s</text>|</tspan>\s", page)


def test_names_cannot_break_out_of_the_picture():
    evil = '"><script>alert(1)</script>'
    group = replace(CHAIN, name=evil, deployments=(replace(CHAIN.deployments[0], name=evil),))
    assert "<script" not in html(scene_of(group, SEED, Mode.ORDERED))


def test_coordinates_do_not_follow_the_language():
    with translation.override("de"):
        page = html(scene_of(CHAIN, SEED, Mode.ORDERED))
    assert 'viewBox="0 0 884 ' in page
    assert not [a for _, a in Tags(page).found if "," in (a.get("x") or a.get("width") or "")]


def test_the_picture_is_told_to_those_who_cannot_see_it():
    page = html(scene_of(CHAIN, SEED, Mode.ORDERED))
    assert 'role="img" aria-labelledby="wide-title wide-desc"' in page
    assert "a chain: Nebius, then Fireworks, then Azure" in page
    assert '<th scope="row">Fireworks</th>' in page
