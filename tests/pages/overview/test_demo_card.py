"""The card of the demo: break a provider, send a request, see who answers. The answer itself is scripted here."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from groups import demo_groups
from groups.models import Deployment, RoutingGroup
from pages.overview import demo_page
from pages.overview.demo_card import demo_card
from providers.demo.behaviour import PROVIDERS, current, store
from providers.demo.breaking import break_for_a_while, broken_for_s
from tests.factories import make_model, make_provider
from tests.page import HTMX, html_of, signed_in
from tests.pages.groups.test_send_test_page import attempt, result_of

pytestmark = pytest.mark.django_db
operator, viewer = signed_in("bob"), signed_in("charlie")
NOW = 1_900_000_000.0
NEBIUS = PROVIDERS["nebius"]


@pytest.fixture(autouse=True)
def _demo(settings, tmp_path):
    settings.DATA_DIR, settings.DEMO, settings.ALLOW_PRIVATE_UPSTREAMS = tmp_path, True, True
    demo_groups.load()


@pytest.fixture
def sent(monkeypatch):
    """What the routers are asked; Nebius fails and Fireworks answers."""
    asked: list[dict] = []

    def try_group(**kwargs):
        asked.append(kwargs)
        return result_of(attempt("Nebius", error="503", moved="fallback_error"), attempt("Fireworks", tier=2, at_ms=9))

    monkeypatch.setattr(demo_page, "try_group", try_group)
    return asked


def do(client, what: str, **headers):
    return client.post("/start/demo", {"do": what, "next": "/"}, headers=headers)


def test_the_card_has_the_providers_in_the_order_in_which_they_are_asked():
    break_for_a_while(NEBIUS, now=NOW)
    card = demo_card(now=NOW + 17.5)
    assert [(place.name, place.tier, place.left_s) for place in card.places] == [
        ("Nebius", 1, 43),
        ("Fireworks", 2, 0),
        ("Azure", 3, 0),
    ]


def test_a_provider_that_was_set_to_fail_does_not_read_as_if_it_answered(operator):
    store(NEBIUS, replace(current(NEBIUS), failure_rate=0.5))
    assert re.search(r"Set to fail 50\.0\s%", html_of(operator.get("/")))


def test_a_provider_is_broken_and_repaired_from_the_overview_with_and_without_javascript(operator):
    assert "Break Nebius for 60 s" in html_of(operator.get("/"))
    answer = do(operator, "break:nebius")
    assert (answer.status_code, answer.url) == (302, "/")
    html = html_of(operator.get("/"))
    assert re.search(r"Broken, \d+\ss left", html)
    assert 'hx-trigger="every 2s"' in html
    part = html_of(do(operator, "repair:nebius", **HTMX))
    assert part.strip().startswith("<ol")
    assert "Break Nebius for 60 s" in part
    assert "every 2s" not in part


def test_a_request_shows_its_attempts_its_answer_and_where_to_look_on(operator, sent):
    group = RoutingGroup.objects.get(name="demo-ordered")
    for headers in (HTMX, {}):
        html = html_of(do(operator, "send", **headers))
        for text in ("Answered</span> by Fireworks", "Hi &lt;there&gt;", 'href="/traffic/requests/call-1"'):
            assert text.replace("/traffic", "") in html.replace("/traffic", ""), text
        assert f'href="/groups/{group.pk}"' in html
        assert ("<h1>Overview</h1>" in html) == (not headers)
    assert [(call["name"], call.get("mock", False)) for call in sent] == [("demo-ordered", False)] * 2


def test_a_viewer_sees_the_card_and_breaks_nothing(viewer):
    html = html_of(viewer.get("/"))
    assert "An operator can break a provider" in html
    assert "Break Nebius" not in html
    assert do(viewer, "break:nebius").status_code == 403
    assert broken_for_s(NEBIUS, now=0) == 0


@pytest.mark.parametrize("what", ["break:openai", "smash:nebius", "", "break:../settings"])
def test_nothing_but_a_provider_of_the_demo_is_broken(operator, what, tmp_path):
    assert do(operator, what).status_code == 404
    assert not list(tmp_path.glob("demo/*.broken"))


def test_the_list_of_the_open_page_is_read_again(operator):
    assert html_of(operator.get("/start/demo", headers=HTMX)).strip().startswith("<ol")
    assert operator.get("/start/demo").url == "/"


def test_a_group_that_may_cost_money_is_not_played_with(operator):
    group = RoutingGroup.objects.get(name="demo-ordered")
    Deployment.objects.create(group=group, model=make_model(provider=make_provider()), priority=4, position=4)
    assert demo_card(now=NOW) is None
    assert do(operator, "send").status_code == 404


def test_the_card_leaves_the_overview_with_the_first_provider_of_ones_own(operator):
    make_provider()
    assert "Break Nebius" not in html_of(operator.get("/"))


def test_without_the_demo_there_is_no_card(operator, settings):
    settings.DEMO = False
    assert "Break Nebius" not in html_of(operator.get("/"))
    assert do(operator, "break:nebius").status_code == 404
