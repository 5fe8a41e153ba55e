"""The page of the routing rules: each part saves itself."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from groups.models import RoutingRules
from groups.routing_rules.aliases import MOST_ALIASES
from tests.factories import make_group, make_model, make_provider
from tests.page import HTMX, html_of, signed_in

pytestmark = pytest.mark.django_db
AT = "/routing-rules"


@pytest.fixture
def pools(db: None) -> None:
    for name, usd, quality in (("cheap", "0.20", 30), ("middle", "1", 55), ("dear", "15", 95)):
        costs: dict[str, Any] = {"input_cost_per_million": Decimal(usd), "output_cost_per_million": Decimal(usd)}
        make_group(
            name=name,
            settings={"in_power_levels": True},
            models=[make_model(name=f"{name}-chat", quality=quality, **costs)],
        )


page = signed_in("bob")


def save(page: Any, part: str, **data: Any) -> Any:
    return page.post(AT, {"part": part, **data}, headers=HTMX)


def rules() -> RoutingRules:
    return RoutingRules.objects.current()


def test_the_cards_have_prices_of_the_catalog(page, pools):
    html = html_of(page.get(AT))
    for price, name in (("$0.20", "cheap"), ("$1.00", "middle"), ("$15.00", "dear")):
        assert price in html
        assert f"Now: <strong>{name}</strong>" in html


def test_choosing_a_strategy_saves_it_and_shows_the_group_it_takes(page, pools):
    html = html_of(save(page, "levels", strategy="quality"))
    assert rules().strategy == "quality"
    assert "Saved" in html
    assert html.index('<th scope="row">dear</th>') < html.index('<th scope="row">cheap</th>')


def test_custom_weights_are_saved_and_wrong_ones_stay_on_the_page(page, pools):
    save(page, "levels", strategy="custom", weight_cost="1", weight_latency="", weight_quality="2.5")
    assert rules().weights == {"cost": 1, "latency": 0, "quality": 2.5}
    answer = save(page, "levels", strategy="custom", weight_cost="lots", weight_quality="7")
    assert answer.status_code == 422
    assert "is not a number" in html_of(answer)
    whole = page.post(AT, {"part": "levels", "strategy": "custom", "weight_cost": "lots", "weight_quality": "7"})
    assert 'value="lots"' in html_of(whole)
    assert save(page, "levels", strategy="custom").status_code == 422
    assert rules().weights["quality"] == 2.5


def test_providers_are_added_moved_and_taken_out(page):
    first, second = (str(make_provider(name=name).pk) for name in ("OpenAI", "Azure"))
    save(page, "chain", provider=[first])
    save(page, "chain", provider=[first, second])
    assert rules().fallback_providers == [first, second]
    html = html_of(save(page, "chain", provider=[first, second], change=f"up:{second}"))
    assert html.index("Azure") < html.index("OpenAI")
    save(page, "chain", provider=[second, first], change=f"down:{first}")
    assert rules().fallback_providers == [second, first]
    save(page, "chain", provider=[second, first], change=f"remove:{second}")
    assert rules().fallback_providers == [first]


def test_a_provider_that_is_gone_or_takes_none_is_said(page):
    off = make_provider(name="Azure", auto_fallback=False)
    RoutingRules.objects.create(pk=1, fallback_providers=[str(off.pk), "lost"])
    html = html_of(page.get(AT))
    assert "Takes no fallbacks" in html
    assert "There is no such provider now" in html


ROWS = {"alias": ["fast", "best"], "target": ["cheap", "auto-precision"]}


def test_aliases_are_rows_that_are_edited_taken_out_and_added(page, pools):
    html = html_of(save(page, "aliases", **ROWS, new_alias="new", new_target="dear", change="add"))
    assert rules().model_aliases == {"fast": "cheap", "best": "auto-precision", "new": "dear"}
    assert 'value="auto-precision"' in html
    assert "Saved" in html
    save(page, "aliases", **ROWS, change="remove:1")
    assert rules().model_aliases == {"best": "auto-precision"}


def test_after_an_edit_only_what_is_said_beside_the_rows_is_sent(page, pools):
    typed = {"alias": ["fast", ""], "target": ["Model-Provider/nothing", ""], "new_alias": "half", "change": "edit"}
    html = html_of(save(page, "aliases", **typed))
    assert rules().model_aliases == {"fast": "Model-Provider/nothing"}
    assert 'id="alias-1-said" hx-swap-oob' in html
    assert "It is kept; requests to it fail until there is one." in html
    assert "<input" not in html


def test_many_aliases_are_pasted(page, pools):
    save(page, "aliases", **ROWS, pasted="quick = cheap\n# ours\nslow -> dear", change="add")
    assert rules().model_aliases.keys() == {"fast", "best", "quick", "slow"}
    shown = re.findall(r'name="alias"[^>]*value="([^"]+)"', html_of(page.get(AT)))
    assert shown == ["best", "fast", "quick", "slow"]


def test_a_wrong_row_is_said_beside_it_and_nothing_is_saved_or_lost(page, pools):
    answer = save(page, "aliases", **ROWS, pasted="nonsense\nslow = nothing", change="add")
    assert answer.status_code == 422
    html = html_of(answer)
    assert html.count('class="error small"') == 2
    assert "Not saved: see the marked rows" in html
    assert 'value="nonsense"' in html
    assert rules().model_aliases == {}


def test_as_many_aliases_as_there_may_be_are_saved_at_once(page, pools):
    names = [f"alias-{n}" for n in range(MOST_ALIASES)]
    save(page, "aliases", alias=names, target=["cheap"] * MOST_ALIASES)
    assert len(rules().model_aliases) == MOST_ALIASES
    answer = save(page, "aliases", alias=names, target=["cheap"] * MOST_ALIASES, new_alias="x", new_target="dear")
    assert answer.status_code == 422
    assert f"at most {MOST_ALIASES} aliases" in html_of(answer)


def test_an_alias_to_a_missing_model_is_saved_with_a_warning(page):
    html = html_of(save(page, "aliases", new_alias="fast-chat", new_target="openai/gpt-4o-mini", change="add"))
    assert rules().model_aliases == {"fast-chat": "openai/gpt-4o-mini"}
    assert 'class="odd small"' in html


def test_without_javascript_a_part_is_saved_and_the_page_comes_back(page, pools):
    assert page.post(AT, {"part": "levels", "strategy": "cost"}).url == AT
    html = html_of(page.post(AT, {"part": "aliases", "new_alias": "nonsense"}))
    assert "Strategy</h2>" in html
    assert "Give both, an alias and its target" in html


def test_viewers_look_strangers_do_not_and_nonsense_is_a_bad_request(client, page, charlie, dora):
    assert page.post(AT, {"part": "everything"}).status_code == 400
    client.force_login(charlie)
    assert "Add alias" not in html_of(client.get(AT))
    assert save(client, "levels", strategy="cost").status_code == 403
    client.force_login(dora)
    assert client.get(AT).status_code == 403


def test_the_page_takes_the_same_queries_for_any_number_of_rows(page, pools, django_assert_max_num_queries):
    RoutingRules.objects.create(pk=1, model_aliases={f"alias-{n}": "cheap" for n in range(9)})
    with django_assert_max_num_queries(20):
        page.get(AT)
