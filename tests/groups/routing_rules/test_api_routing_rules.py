"""`/api/v1/llm/routing/rules`: what it takes, gives and refuses."""

from __future__ import annotations

from typing import Any

import pytest
from auditlog.models import LogEntry

from groups.actions import delete_group, update_group
from groups.exceptions import IsAliased
from groups.models import RoutingRules
from providers import config_version
from tests.factories import make_group, make_model, make_provider

pytestmark = pytest.mark.django_db
AT = "/api/v1/llm/routing/rules"


@pytest.fixture
def openai(db: None) -> Any:
    return make_provider(name="OpenAI", type="openai")


def put(client: Any, **fields: Any) -> Any:
    return client.put(AT, fields)


def stored() -> RoutingRules:
    return RoutingRules.objects.current()


def test_the_usual_rules_are_balanced_and_without_aliases(as_charlie):
    rules = as_charlie.get(AT).json()
    assert (rules["strategy"], rules["fallback_providers"], rules["model_aliases"]) == ("balanced", [], {})
    assert rules["weights"] == {"cost": 0.4, "latency": 0.2, "quality": 0.4}


def test_all_of_them_are_changed_and_read_back(as_bob, openai):
    make_model(provider=openai, name="gpt-4o-mini")
    wanted = {
        "strategy": "custom",
        "weights": {"cost": 0.4, "latency": 0.4, "quality": 0.2},
        "fallback_providers": [str(openai.pk)],
        "model_aliases": {"fast-chat": "openai/gpt-4o-mini"},
    }
    version = config_version.current()
    answer = put(as_bob, **wanted)
    assert answer.status_code == 200, answer.content
    assert wanted.items() <= as_bob.get(AT).json().items()
    assert (answer.json()["problems"], answer.json()["updated_by"]) == ([], "bob")
    assert config_version.current() > version
    assert LogEntry.objects.filter(object_repr__startswith="routing rules").count() == 1


def test_what_is_not_sent_stays_and_the_same_again_is_no_change(as_bob):
    put(as_bob, strategy="cost", weights={"cost": 1})
    put(as_bob, strategy="quality")
    put(as_bob, strategy="quality")
    assert (stored().strategy, stored().weights["cost"], stored().revision) == ("quality", 1, 2)


def test_a_stale_etag_is_refused(as_bob):
    etag = as_bob.get(AT)["ETag"]
    assert as_bob.put(AT, {"strategy": "cost"}, headers={"If-Match": etag}).status_code == 200
    answer = as_bob.put(AT, {"strategy": "quality"}, headers={"If-Match": etag})
    assert answer.status_code == 412
    assert stored().strategy == "cost"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"strategy": "fastest"}, "not a valid choice"),
        ({"weights": {"cost": 0, "latency": 0, "quality": 0}}, "nothing would count"),
        ({"weights": {"cost": -1}}, "greater than or equal to 0"),
        ({"weights": {"price": 1}}, "Unknown field"),
        ({"fallback_providers": ["nobody"]}, "There is no provider nobody"),
        ({"fallback_providers": ["openai", "OpenAI"]}, "each provider once"),
        ({"model_aliases": {"fast": "nothing"}}, "There is no routing group"),
        ({"model_aliases": {"a b": "auto"}}, "letters, digits"),
        ({"model_aliases": {"one": "two", "two": "auto"}}, "is an alias itself"),
        ({"model_aliases": {"auto-eco": "auto"}}, "A power level has this name"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_stored(as_bob, fields, why):
    answer = put(as_bob, **fields)
    assert answer.status_code == 400
    assert why in answer.content.decode()
    assert stored().revision == 0


def test_an_alias_to_a_model_that_is_not_there_yet_is_stored_and_named(as_bob):
    answer = put(as_bob, model_aliases={"fast-chat": "openai/gpt-4o-mini"})
    assert answer.json()["problems"] == ["fast-chat: There is no model in the catalog called 'openai/gpt-4o-mini'."]


def test_an_alias_takes_no_name_of_a_group_and_a_group_none_of_an_alias(as_bob, two_models):
    make_group(name="prod")
    assert put(as_bob, model_aliases={"prod": "auto"}).status_code == 400
    put(as_bob, model_aliases={"fast": "prod"})
    for name in ("fast", "auto-eco"):
        body = {"routing_group_name": name, "routing_strategy": "simple-shuffle", "deployments": two_models}
        assert as_bob.post("/v1/routing_group", body).status_code == 400


def test_aliases_follow_a_group_that_is_renamed_and_keep_it_from_going(as_bob, bob):
    group = make_group(name="prod", models=[make_model()])
    put(as_bob, model_aliases={"fast": "prod"})
    group = update_group(by=bob, group=group, name="production")
    assert stored().model_aliases == {"fast": "production"}
    with pytest.raises(IsAliased, match="The aliases fast lead to 'production'"):
        delete_group(by=bob, group=group)


def test_viewers_read_only_and_strangers_do_not_even_that(as_charlie, as_dora, as_nobody):
    assert put(as_charlie, strategy="cost").status_code == 403
    assert [client.get(AT).status_code for client in (as_dora, as_nobody)] == [403, 401]


def test_only_get_and_put_are_possible(as_bob):
    assert as_bob.post(AT, {"strategy": "cost"}).status_code == 405
    assert as_bob.delete(AT).status_code == 405


def test_reading_takes_the_same_queries_for_any_number_of_rows(as_charlie, django_assert_max_num_queries):
    for number in range(5):
        make_group(name=f"group-of-{number}")
    RoutingRules.objects.create(pk=1, model_aliases={f"alias-{n}": f"group-of-{n}" for n in range(5)})
    with django_assert_max_num_queries(8):
        assert as_charlie.get(AT).json()["problems"] == []
