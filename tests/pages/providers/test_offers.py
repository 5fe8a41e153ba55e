"""The checklist of a provider's models."""

from __future__ import annotations

from django.http import QueryDict

from pages.providers.offers import MOST_SHOWN, Checklist


def test_what_is_unticked_goes_and_what_was_not_shown_stays():
    checklist = Checklist(type="openai", ticked=("kept", "new"), present=("kept", "dropped"))
    assert checklist.names_now(["kept", "dropped", "elsewhere"]) == ["kept", "elsewhere", "new"]


def test_the_providers_own_list_is_searched_when_there_is_one():
    listed = tuple(f"m-{n}" for n in range(200))
    checklist = Checklist(type="custom", text="M- 1", ticked=("m-1",), listed=listed)
    assert (len(checklist.found), checklist.total) == (MOST_SHOWN - 1, 119)
    assert all("1" in choice.name and choice.name != "m-1" for choice in checklist.found)
    assert [choice.name for choice in checklist.kept] == ["m-1"]


def test_else_the_price_map_is_with_what_it_knows():
    (choice,) = [c for c in Checklist(type="openai", text="gpt-4o-mini").found if c.name == "gpt-4o-mini"]
    assert choice.entry.input_cost_per_million
    assert not choice.is_ticked


def test_a_form_says_each_name_once():
    data = QueryDict("models=a&models=a&present=b&listed=c&q=+x+")
    assert Checklist.in_form(data, type="openai") == Checklist("openai", "x", ("a",), ("b",), ("c",))
