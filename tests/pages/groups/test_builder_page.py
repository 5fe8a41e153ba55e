"""The builder's pages, as the server draws them: creating, editing, working on the list, and two people at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from access.actions import issue_key, rotate_key
from access.keys import COMMAND_LINE
from groups.models import RoutingGroup, Strategy
from tests.factories import make_group, make_model, make_provider, make_team
from tests.page import HTMX, html_of, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def models():
    return [make_model(provider=make_provider(name=name), name=f"{name.lower()}-chat") for name in ("Nebius", "Azure")]


page = signed_in("bob")


def form(*models, strategy: str = "priority-failover", **more: Any) -> dict[str, Any]:
    """What the page posts: the models in order, with priorities 1, 2 ... and equal weights."""
    rows = {f"{m.pk}-{key}": value for n, m in enumerate(models, 1) for key, value in (("priority", n), ("weight", 50))}
    fields = {"name": "prod-chat", "description": "", "strategy": strategy, "row": [str(m.pk) for m in models]}
    return {**fields, **rows, "save": "1", **more}


def places(group: RoutingGroup) -> list[tuple[str, int | None, int | None]]:
    return [(d.model.provider.name, d.priority, d.weight) for d in group.deployments.all()]


@pytest.mark.parametrize("strategy", Strategy.values)
def test_a_group_of_each_strategy_is_created_and_shown(page, models, strategy):
    answer = page.post("/groups/new", form(*models, strategy=strategy))
    group = RoutingGroup.objects.get(name="prod-chat")
    assert answer.url == f"/groups/{group.pk}"
    assert (group.strategy, group.created_by) == (strategy, "bob")
    assert places(group) == [("Nebius", 1, 50), ("Azure", 2, 50)]


def test_an_empty_form_has_seven_strategies_and_one_chosen(page):
    html = html_of(page.get("/groups/new"))
    assert html.count('type="radio"') == 7
    assert "Ordered. Traffic goes to #1 first, falls back on error" in html
    assert "<strong>Priority Failover</strong>" in html
    assert 'value="priority-failover" aria-describedby="about-priority-failover" checked' in html
    assert "Default: 60 s" in html


def test_everything_of_a_stored_group_comes_back_from_its_form(page, models, bob):
    key = issue_key(by=COMMAND_LINE, owner=bob, name="mobile")[0]
    make_group(name="spare", models=models)
    before = make_group(
        name="prod-chat",
        strategy="weighted",
        models=models,
        retry_config={
            "num_retries": 7,
            "timeout_s": 12.5,
            "retry_budget": 0.5,
            "by_error": {"timeout": {"here": 0, "wait_s": 1.5}, "quota": {"elsewhere": False}},
        },
        cooldown_config={"allowed_fails": 0, "first_s": 0.5, "failure_rate": 0.25},
        fallback_config={"fallback_groups": ["spare"]},
        assigned_team_ids=["blue team"],
        assigned_key_ids=[str(key.pk), "gone"],
        settings={
            "in_power_levels": True,
            "stream_upstream": True,
            "unsupported_params": "refuse",
            "rescue": "off",
            "sticky": {"by": "header:x-tab", "ttl_s": 90.0},
            "hedge": {"enabled": True, "after_ms": 800, "budget": 0.1},
        },
        is_active=False,
    )
    html = html_of(page.get(f"/groups/{before.pk}/edit"))
    assert "gone, no key that works now" in html
    assert "unknown team blue team" in html
    fields = {
        "etag": before.etag,
        "num_retries": "7",
        "timeout_s": "12.5",
        "allowed_fails": "0",
        "retry_budget": "0.5",
        "first_s": "0.5",
        "failure_rate": "0.25",
        "by_error-timeout-here": "0",
        "by_error-timeout-wait_s": "1.5",
        "by_error-quota-elsewhere": "no",
        "fallback_groups": "spare",
        "in_power_levels": "on",
        "stream_upstream": "on",
        "unsupported_params": "refuse",
        "rescue": "off",
        "sticky-by": "header",
        "sticky-header": "x-tab",
        "sticky-ttl_s": "90",
        "hedge-enabled": "yes",
        "hedge-after_ms": "800",
        "hedge-budget": "0.1",
        "assigned_team_ids": "blue team",
        "assigned_key_ids": [str(key.pk), "gone"],
    }
    assert 'name="by_error-timeout-wait_s" value="1.5"' in html
    answer = page.post(f"/groups/{before.pk}/edit", form(*models, strategy="weighted", **fields))
    assert answer.status_code == 302
    after = RoutingGroup.objects.get(pk=before.pk)
    kept = ("retry_config", "cooldown_config", "fallback_config", "assigned_team_ids", "assigned_key_ids", "settings")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert (after.is_active, after.revision) == (False, 2)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "Give the group a name"),
        ({"name": "two words"}, "Use letters, digits"),
        ({"name": "taken"}, "choose another name"),
        ({"row": []}, "Add at least one deployment"),
        ({"timeout_s": "-3"}, "greater than or equal to 0.01"),
        ({"num_retries": "many"}, "Enter a whole number"),
        ({"by_error-timeout-here": "99"}, "less than or equal to 20"),
        ({"first_s": "90"}, "give at most longest_s"),
        ({"hedge-budget": "2"}, "less than or equal to 1"),
        ({"hedge-after_ms": "0"}, "greater than or equal to 1"),
        ({"router": "litellm", "by_error-timeout-here": "1"}, "LiteLLM&#x27;s Router has no such setting"),
        ({"fallback_groups": "nowhere"}, "There is no routing group named nowhere."),
        ({"fallback_groups": "prod-chat"}, "in a circle"),
        ({"strategy": "by-mood"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(page, models, wrong, said):
    make_group(name="taken", models=models)
    answer = page.post("/groups/new", form(*models, **{"description": "Typed", "rpm": "x", **wrong}))
    html = html_of(answer)
    assert answer.status_code == 422
    assert said in html
    assert "Typed</textarea>" in html
    assert all(str(value) in html for value in wrong.values() if value)
    assert RoutingGroup.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("weight", "", "the strategy needs a weight of 0 or more"),
        ("weight", "-1", "greater than or equal to 0"),
        ("rpm", "0", "greater than or equal to 1"),
        ("max_parallel", "0", "greater than or equal to 1"),
        ("max_wait_s", "999", "less than or equal to 300"),
        ("tpm", "lots", "Enter a whole number"),
    ],
)
def test_a_row_says_what_is_wrong_with_it(page, models, field, value, said):
    answer = page.post("/groups/new", form(*models, strategy="weighted", **{f"{models[1].pk}-{field}": value}))
    html = html_of(answer)
    assert answer.status_code == 422
    assert said in html[html.index(f'data-uid="{models[1].pk}"') :]
    assert said not in html[: html.index(f'data-uid="{models[1].pk}"')]


def test_a_model_that_has_gone_is_said_at_its_row(page, models):
    answer = page.post("/groups/new", form(models[0], row=[str(models[0].pk), str(uuid4())]))
    assert answer.status_code == 422
    assert "This model is no longer in the catalog" in html_of(answer)


def test_weights_are_percentages_without_javascript(page):
    rows = [make_model() for _ in range(3)]
    html = html_of(page.post("/groups/new", form(*rows, strategy="weighted", change="refresh", save="")))
    assert ">34\u202f%<" in html
    assert html.count(">33\u202f%<") == 2


def test_weights_are_made_to_add_up_to_100_without_javascript(page, models):
    off = make_model(provider=make_provider(name="Off", enabled=False))
    typed = {f"{models[0].pk}-weight": 120, f"{models[1].pk}-weight": 30, f"{off.pk}-weight": 75}
    html = html_of(
        page.post("/groups/new", form(*models, off, strategy="weighted", change="percent", save="", **typed))
    )
    for model, weight in ((models[0], 80), (models[1], 20), (off, 50)):
        assert f'name="{model.pk}-weight" id="id_{model.pk}-weight" value="{weight}"' in html
    assert "The weights add up to 100 now: each is a percentage." in html
    assert 'weight-total for-weight is-hundred"' in html


def test_the_picker_marks_models_that_do_not_chat(page):
    make_model(name="text-embedding-3-small")
    make_model(name="rerank-3", capabilities=["rerank"])
    make_model(name="llama-8b", capabilities=["chat", "vision"])
    html = html_of(page.get("/groups/picker?q=", headers=HTMX))
    assert (html.count("embeddings, no chat"), html.count("rerank, no chat"), html.count(", no chat")) == (1, 1, 2)


@pytest.mark.parametrize(("field", "strategy"), [("weight", "weighted"), ("priority", "priority-failover")])
@pytest.mark.parametrize("digits", [400, 5000])
def test_a_number_of_many_digits_is_wrong_and_breaks_nothing(page, models, field, strategy, digits):
    typed = {f"{models[0].pk}-{field}": "9" * digits}
    assert page.post("/groups/new", form(*models, strategy=strategy, **typed)).status_code == 422
    step = form(*models, strategy=strategy, change=f"up:{models[1].pk}", save="", **typed)
    assert page.post("/groups/new", step, headers=HTMX).status_code == 200


def test_steps_come_back_as_the_list_alone_and_are_announced(page, models):
    answer = page.post("/groups/new", form(*models, change=f"up:{models[1].pk}", save=""), headers=HTMX)
    html = html_of(answer)
    assert html.strip().startswith('<div id="builder-rows">')
    assert html.index("azure-chat") < html.index("nebius-chat")
    assert "Azure azure-chat is number 1 of 2 now, with priority 1." in html
    assert "drafted" in answer.headers["HX-Trigger-After-Swap"]


def test_a_step_saves_nothing_and_keeps_what_was_typed(page, models):
    extra = {"description": "Half typed", f"{models[0].pk}-display_name": "Cheap one", f"{models[0].pk}-rpm": "60"}
    html = html_of(page.post("/groups/new", form(models[0], change=f"add:{models[1].pk}", save="", **extra)))
    assert "Half typed" in html
    assert 'value="Cheap one"' in html
    assert "Azure azure-chat is number 2 of 2 now" in html
    assert not RoutingGroup.objects.exists()


@pytest.mark.parametrize("change", ["explode:1", "add:nothing"])
def test_a_step_that_nobody_knows_is_refused(page, models, change):
    assert page.post("/groups/new", form(*models, change=change)).status_code == 400


def test_the_search_works_without_javascript(page, models):
    typed = form(models[0], q="azure", description="Kept")
    for pressed in ({"find": "1"}, {}):
        html = html_of(page.post("/groups/new", {**{k: v for k, v in typed.items() if k != "save"}, **pressed}))
        assert f'value="add:{models[1].pk}"' in html
        assert "Kept</textarea>" in html


def test_the_picker_finds_by_every_word_and_says_what_will_not_answer(page):
    provider = make_provider(name="Nebius", enabled=False)
    make_model(provider=provider, name="meta/llama-70b", context_length=131_072, input_cost_per_million="0.13")
    make_model(name="llama-8b")
    html = html_of(page.get("/groups/picker?q=nebius+LLAMA", headers=HTMX))
    assert html.count('role="option"') == 1
    assert "Nebius is disabled" in html
    assert "131k context" in html
    assert "No model in the catalog matches" in html_of(page.get("/groups/picker?q=zzz", headers=HTMX))


def test_the_picker_shows_twenty_of_many_with_one_query(page, django_assert_num_queries):
    provider = make_provider()
    for _ in range(30):
        make_model(provider=provider)
    with django_assert_num_queries(3):
        html = html_of(page.get("/groups/picker?q=", headers=HTMX))
    assert html.count('role="option"') == 20
    assert "There are more." in html


@pytest.mark.parametrize(("person", "status"), [("alice", 200), ("bob", 200), ("charlie", 403), ("dora", 403)])
def test_operators_build_and_others_may_not(client, request, models, person, status):
    group = make_group(models=models)
    client.force_login(request.getfixturevalue(person))
    for address in ("/groups/new", f"/groups/{group.pk}/edit", "/groups/picker"):
        assert client.get(address).status_code == status
    if status == 403:
        assert client.post("/groups/new", form(*models)).status_code == 403
        assert RoutingGroup.objects.count() == 1


def test_a_post_needs_its_token(models, bob):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(bob)
    assert strict.post("/groups/new", form(*models)).status_code == 403


def test_wrong_methods(page):
    assert page.put("/groups/new").status_code == 405
    assert page.post("/groups/picker").status_code == 405
    assert page.get(f"/groups/{uuid4()}/edit").status_code == 404


def test_teams_and_keys_are_ticked_by_name(page, bob):
    team, key = make_team("Research"), issue_key(by=COMMAND_LINE, owner=bob, name="mobile")[0]
    model = make_model()
    html = html_of(page.get("/groups/new"))
    assert f'name="assigned_team_ids" value="{team.pk}">Research' in html
    assert f"{key} of bob" in html
    page.post("/groups/new", form(model, assigned_team_ids=[str(team.pk)], assigned_key_ids=[str(key.pk)]))
    group = RoutingGroup.objects.get()
    assert (group.assigned_team_ids, group.assigned_key_ids) == ([str(team.pk)], [str(key.pk)])
    rotate_key(by=COMMAND_LINE, key=key, overlap=timedelta(0))
    assert "rotated: its successor may call the group" in html_of(page.get(f"/groups/{group.pk}/edit"))


def test_the_number_of_queries_does_not_grow_with_the_group(page, django_assert_num_queries):
    few, many = (make_group(models=[make_model() for _ in range(count)]) for count in (1, 12))
    for group in (few, many):
        with django_assert_num_queries(9):
            page.get(f"/groups/{group.pk}/edit")
