"""The page of usage, its charts as files, and the page of one's own usage."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from providers.models import Provider
from tests.factories import make_provider
from tests.page import HTMX, html_of, signed_in
from tests.usage.log import finished, log
from tests.usage.logged import tried
from usage.models import RequestRecord

pytestmark = pytest.mark.django_db
SVG = "{http://www.w3.org/2000/svg}"


def used(count: int = 1, **fields: Any) -> list[RequestRecord]:
    """So many requests of bob's to gpt-4o-mini, half a dollar each."""
    usual = {
        "model_group": "chat",
        "owner": "bob",
        "provider": "OpenAI",
        "deployment_name": "openai/gpt-4o-mini",
        "duration_ms": 400.0,
        "input_tokens": 1000,
        "output_tokens": 100,
        "cost_usd": 0.5,
    }
    asked = {**usual, **fields}
    is_failed = asked.get("status", 200) >= 500
    attempt = tried(asked["provider"], status="error" if is_failed else "success")
    return [finished(**{"attempts": [attempt], **asked}) for _ in range(count)]


@pytest.fixture
def some() -> None:
    log(
        *used(3),
        *used(
            1,
            provider="Anthropic",
            deployment_name="anthropic/claude",
            cost_usd=4.0,
            owner="charlie",
            team="Red",
            team_id="r",
        ),
        *used(1, status=503, cost_usd=None, days_ago=3),
    )


page = signed_in("charlie")


def test_the_numbers_and_the_charts_are_those_of_the_log(page, some):
    html = html_of(page.get("/usage"))
    assert ">5</p>" in html
    assert ">$5.50</p>" in html
    assert "Anthropic: $4.00 · 72.7\u202f%; OpenAI: $1.50 · 27.3\u202f%" in html
    assert "5 requests, 1 failed" in html
    assert "OpenAI: 75.0\u202f%" in html


def test_the_page_of_cost_has_the_same_money_and_says_what_it_was_spent_on(page, some):
    html = html_of(page.get("/usage/cost"))
    assert ">$5.50</p>" in html
    assert "Anthropic: $4.00 · 72.7\u202f%; OpenAI: $1.50 · 27.3\u202f%" in html
    for title in ("Cost per day", "Cost by group", "Cost by model", "Cost by team", "Cost by user"):
        assert title in html, title
    assert "Popular models" not in html
    part = html_of(page.get("/usage/cost?period=7d", headers=HTMX))
    assert 'hx-get="/usage/cost?period=90d"' in part
    assert page.get("/usage/charts/costs-of-models.svg").status_code == 200


def test_cost_by_provider_is_a_pie_beside_its_bars(page, some):
    pie = html_of(page.get("/usage")).split('class="pie"')[1].split("</svg>")[0]
    assert 'stroke-dasharray="72.73 27.27" stroke-dashoffset="-0.0"' in pie
    assert 'stroke-dasharray="27.27 72.73" stroke-dashoffset="-72.73"' in pie
    assert "<title>Anthropic: $4.00</title>" in pie


def test_a_pie_has_eight_slices_and_one_for_the_others(page):
    log(*(used(1, provider=f"P{n}", cost_usd=10.0 - n)[0] for n in range(10)))
    pie = html_of(page.get("/usage")).split('class="pie"')[1].split("</svg>")[0]
    assert pie.count("<circle") == 9
    assert "<title>Others: $3.00</title>" in pie


def test_what_is_charged_besides_tokens_is_beside_them(page):
    log(
        *used(2, unit="image", units=1.5),
        *used(1, unit="second", units=1.0),
        *used(1, unit="character", units=12_345.0),
    )
    assert "cached, 3 images, 12.3 k characters, 1 second" in html_of(page.get("/usage"))


def test_every_chart_has_its_numbers_in_a_table(page, some):
    html = html_of(page.get("/usage"))
    assert html.count('role="img"') == html.count("The numbers as a table") == 7
    assert '<td class="number">$4.00</td>' in html


def test_filters_narrow_and_the_ranges_keep_them(page, some):
    html = html_of(page.get("/usage?provider=Anthropic&period=7d"))
    assert ">$4.00</p>" in html
    assert "openai/gpt-4o-mini" not in html.split('id="usage"')[1]
    assert "/usage?period=90d&amp;provider=Anthropic" in html
    assert "Clear filters" in html


def test_a_table_row_leads_to_itself_alone(page, some):
    html = html_of(page.get("/usage"))
    assert 'href="?provider=Anthropic"' in html
    assert 'href="?model=anthropic%2Fclaude"' in html


def test_htmx_gets_the_part_below_the_filters(page, some):
    html = html_of(page.get("/usage?period=24h", headers=HTMX))
    assert html.lstrip().startswith('<div id="usage">')
    assert "Requests per hour" in html
    assert 'id="filters"' not in html


def test_growth_is_against_as_much_of_the_period_before(page):
    log(*used(30, days_ago=1), *used(10, days_ago=10), *used(1, days_ago=20))
    html = html_of(page.get("/usage?period=7d"))
    assert "on the 7 days before" in html
    assert "trending-up" in html


def test_without_a_whole_period_before_nothing_is_compared(page, some):
    assert "before" not in html_of(page.get("/usage?period=7d")).split('id="usage"')[1]


def test_a_free_day_is_drawn_too(page):
    log(*used(2, cost_usd=0.0))
    html = html_of(page.get("/usage?period=all"))
    assert ">$0</p>" in html
    assert 'class="pie"' not in html
    assert "curve-dot" in html


def test_nobody_asked_anything_yet(page):
    html = html_of(page.get("/usage"))
    assert "No requests yet" in html
    assert "Go to the groups" in html


def test_filters_that_leave_nothing_say_so(page, some):
    assert "No requests like these" in html_of(page.get("/usage?team=Nobody"))


def test_a_wrong_period_is_said_and_the_rest_is_shown(page, some):
    answer = page.get("/usage?period=fortnight")
    assert answer.status_code == 422
    assert "There is no period fortnight." in html_of(answer)
    assert "Requests per day" in html_of(answer)
    assert page.get(f"/usage?team={'x' * 65}").status_code == 422


def test_a_name_that_is_markup_stays_a_name(page):
    log(*used(model_group="<b>", provider='"><script>alert(1)</script>', deployment_name="</svg><b>"))
    html = html_of(page.get("/usage"))
    assert "<script>alert" not in html
    assert "</svg><b>" not in html


def test_many_keys_are_typed_and_suggested(page):
    log(*(finished(key_id=f"id-{n}", key_name=f"key {n}") for n in range(61)))
    html = html_of(page.get("/usage"))
    assert 'list="suggested-key"' in html
    assert html.count("<option") < 30
    found = html_of(page.get("/usage/suggestions?of=key&key=Y+17"))
    assert found.strip() == '<option value="id-17">key 17</option>'
    assert page.get("/usage/suggestions?of=password").status_code == 404


def test_a_filter_by_a_name_that_is_gone_stays_chosen(page, some):
    html = html_of(page.get("/usage?team=Gone"))
    assert '<option value="Gone" selected>Gone</option>' in html


def test_a_chart_is_a_file_with_its_colours_in_it(page, some):
    make_provider(name="Anthropic", type="anthropic")
    answer = page.get("/usage/charts/cost.svg?theme=dark")
    assert answer["Content-Type"] == "image/svg+xml"
    svg = ElementTree.fromstring(answer.content)
    assert not [e for e in svg.iter() if "class" in e.attrib or "style" in e.attrib or e.tag == f"{SVG}style"]
    assert "var(" not in answer.content.decode()
    assert "#d97706" in {e.get("fill") for e in svg.iter(f"{SVG}rect")}
    assert "#111827" in {e.get("fill") for e in svg.iter(f"{SVG}rect")}


@pytest.mark.parametrize("slug", ["requests", "cost", "success", "models", "latency", "teams", "users"])
@pytest.mark.parametrize("theme", ["dark", "light", "unicorn", ""])
def test_every_chart_is_a_file_in_every_theme(page, some, slug, theme):
    answer = page.get(f"/usage/charts/{slug}.svg?theme={theme}&period=24h")
    assert ElementTree.fromstring(answer.content).tag == f"{SVG}svg"
    assert "24 hours" in answer.content.decode()


def test_no_chart_of_that_name_and_no_period_of_that_name(page):
    assert page.get("/usage/charts/love.svg").status_code == 404
    assert page.get("/usage/charts/cost.svg?period=soon").status_code == 400


@pytest.mark.parametrize(
    "path", ["/usage", "/usage/charts/cost.svg", "/usage/suggestions?of=key", "/usage/requests.csv", "/usage/costs.csv"]
)
def test_strangers_see_no_usage_of_others_and_nobody_changes_any(client, dora, path):
    assert client.get(path).status_code == 302
    client.force_login(dora)
    assert client.get(path).status_code == 403
    assert client.post(path).status_code in (403, 405)


def test_the_page_takes_the_same_queries_for_any_number_of_rows(page, some, django_assert_max_num_queries):
    log(*(finished(key_id=str(n), provider=f"P{n}", deployment_name=f"d{n}", days_ago=40) for n in range(20)))
    assert Provider.objects.count() == 0
    with django_assert_max_num_queries(12):
        page.get("/usage")


def test_everybody_sees_their_own_usage_and_only_that(client, dora, some):
    log(*used(2, owner="dora", cost_usd=0.0012))
    client.force_login(dora)
    html = html_of(client.get("/usage/me"))
    assert ">$0.0024</p>" in html
    assert "2 requests, 0 failed" in html
    assert "Anthropic" not in html
    assert html.count("/requests/") == 2


def test_who_made_no_requests_is_told_what_will_be_here(client, dora):
    client.force_login(dora)
    assert "You made no requests yet" in html_of(client.get("/usage/me"))


def test_a_wrong_period_of_ones_own_usage_is_said(client, dora):
    client.force_login(dora)
    answer = client.get("/usage/me?period=soon")
    assert answer.status_code == 422
    assert "There is no period soon." in html_of(answer)


def test_my_usage_takes_the_same_queries_for_any_number_of_rows(client, bob, some, django_assert_max_num_queries):
    client.force_login(bob)
    with django_assert_max_num_queries(12):
        client.get("/usage/me")
    client.logout()
    assert client.get("/usage/me").status_code == 302


def test_the_page_of_cost_reads_no_latencies_and_the_page_of_usage_only_those_it_shows(page, some):
    for url, count in (("/usage/cost", 0), ("/usage", 2)):
        with CaptureQueriesContext(connection) as found:
            assert page.get(url).status_code == 200
        assert sum("usage_latencycount" in one["sql"] for one in found) == count
