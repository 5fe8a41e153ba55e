"""One search over groups, providers and models."""

from __future__ import annotations

import pytest

from tests.factories import make_group, make_model, make_provider
from tests.page import HTMX, html_of, signed_in

pytestmark = pytest.mark.django_db
reader = signed_in("charlie")


def test_what_is_found_is_grouped_by_kind_and_groups_are_linked(reader):
    group = make_group(name="llama-chat")
    provider = make_provider(name="Llama House")
    make_model(provider=provider, name="meta/llama-3", display_name="Llama 3")
    html = html_of(reader.get("/search?q=LLAMA"))
    assert html.index("<h2>Routing groups") < html.index("<h2>Providers") < html.index("<h2>Models")
    assert f'href="/groups/{group.pk}"' in html
    assert "Llama House · meta/llama-3" in html


def test_the_field_of_the_header_gets_a_few_of_each_and_the_way_to_more(reader):
    for number in range(7):
        make_group(name=f"chat-{number}")
    html = html_of(reader.get("/search?q=chat", headers=HTMX))
    assert "<html" not in html
    assert html.count('class="hit"') == 5
    assert 'href="/search?q=chat"' in html
    assert "Routing groups: 5 and more." in html


@pytest.mark.parametrize("query", ["", "q=", "q=%20", "q=%00", f"q={'x' * 500}"])
def test_nothing_to_look_for_is_no_error(reader, query):
    make_group(name="chat")
    assert 'class="hit"' not in html_of(reader.get(f"/search?{query}"))


def test_nothing_found_says_so(reader):
    assert "There is no match for “zebra”" in html_of(reader.get("/search?q=zebra"))


def test_what_people_typed_is_shown_as_text(reader):
    assert "<script>1" not in html_of(reader.get("/search?q=%3Cscript%3E1"))


def test_strangers_may_not_search_and_nobody_posts(client, reader, dora):
    assert reader.post("/search").status_code == 405
    client.force_login(dora)
    assert client.get("/search?q=a").status_code == 403


def test_the_number_of_queries_does_not_grow_with_what_is_found(reader, django_assert_num_queries):
    for number in range(12):
        make_group(name=f"a-{number}", models=[make_model(name=f"a-{number}")])
    with django_assert_num_queries(5):
        reader.get("/search?q=a")
