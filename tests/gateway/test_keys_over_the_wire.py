"""What a key may do at the gateway, as the `openai` client meets it: scopes, models, teams, limits, credits."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.gateway.conftest import Stage
from tests.pace import let_pass
from tests.servers import becomes

pytestmark = pytest.mark.both
HI: Any = [{"role": "user", "content": "hi"}]
PASSWORD = "a long enough password"
_numbers = itertools.count(1)
MakeGroup = Callable[..., str]


@pytest.fixture
def person(stage: Stage) -> str:
    """A new viewer; returns the username."""
    name = f"person-{next(_numbers)}"
    stage.console.call("POST", "/api/v1/llm/users", {"username": name, "role": "viewer", "password": PASSWORD})
    return name


@pytest.fixture
def team(stage: Stage, person: str) -> str:
    """A team whose only member the person is; gives its id."""
    team = stage.console.call("POST", "/api/v1/llm/teams", {"name": f"Team of {person}"})
    stage.console.call("POST", f"/api/v1/llm/teams/{team['id']}/members", {"user": person, "role": "member"})
    return str(team["id"])


@pytest.fixture
def issue(stage: Stage, person: str) -> Callable[..., OpenAI]:
    """Issues a key of the person; gives a client that has it."""

    def issue(**wanted: Any) -> OpenAI:
        issued = stage.console.call("POST", "/api/v1/llm/keys", {"name": "test", "owner": person, **wanted})
        return OpenAI(base_url=f"{stage.console.url}/v1", api_key=issued["key"], max_retries=0, timeout=30)

    return issue


@pytest.fixture
def priced(stage: Stage) -> str:
    """A model at the first upstream whose answers cost $1 a token; gives its id."""
    provider = f"Priced {next(_numbers)}"
    model = stage.console.add_model(provider=provider, api_base=stage.first.api_base)
    prices = {"input_cost_per_million": 0, "output_cost_per_million": 1_000_000}
    stage.console.call("PATCH", f"/api/v1/llm/models/{model}", prices)
    return model


def chat(client: OpenAI, model: str, **params: Any) -> Any:
    return client.chat.completions.create(model=model, messages=HI, **params)


def refusal(client: OpenAI, model: str, **params: Any) -> tuple[int, str | None]:
    with pytest.raises(openai.APIStatusError) as caught:
        chat(client, model, **params)
    return caught.value.status_code, caught.value.code


def test_a_key_for_the_rest_api_calls_no_models(issue, make_group: MakeGroup):
    assert refusal(issue(scopes=["read"]), make_group()) == (403, "missing_scope")


def test_a_key_calls_what_its_list_has_and_sees_no_more(issue, make_group: MakeGroup):
    mine, other = make_group(), make_group()
    client = issue(allowed_models=[mine])
    assert chat(client, mine).choices
    assert refusal(client, other) == (403, "model_not_allowed")
    assert [model.id for model in client.models.list()] == [mine]


def test_an_alias_of_an_allowed_model_is_allowed(stage: Stage, issue, make_group: MakeGroup):
    mine = make_group()
    rules = stage.console.call("GET", "/api/v1/llm/routing/rules")
    aliases = {**rules["model_aliases"], f"alias-{mine}": mine}
    stage.console.call("PUT", "/api/v1/llm/routing/rules", {"model_aliases": aliases})
    assert chat(issue(allowed_models=[mine]), f"alias-{mine}").choices


def test_a_group_of_a_team_is_for_its_members_and_its_keys(stage: Stage, issue, team: str, make_group: MakeGroup):
    group = make_group(assigned_team_ids=[team])
    others = make_group(assigned_team_ids=["somebody-else"])
    for client in (issue(), issue(team=team)):
        assert chat(client, group).choices
        names = [model.id for model in client.models.list()]
        assert (group in names, others in names) == (True, False)
        assert refusal(client, others) == (403, "group_not_assigned")


def test_who_leaves_a_team_loses_its_groups(stage: Stage, issue, team: str, person: str, make_group: MakeGroup):
    group, personal, of_team = make_group(assigned_team_ids=[team]), issue(), issue(team=team)
    stage.console.call("DELETE", f"/api/v1/llm/teams/{team}/members/{person}")
    let_pass(1)
    assert refusal(personal, group) == (403, "group_not_assigned")
    assert refusal(of_team, group)[0] == 401


def test_requests_a_minute_are_limited_and_the_headers_say_so(issue, make_group: MakeGroup):
    client, group = issue(rpm=2), make_group()
    answer = client.chat.completions.with_raw_response.create(model=group, messages=HI)
    assert answer.headers["x-ratelimit-limit-requests"] == "2"
    assert answer.headers["x-ratelimit-remaining-requests"] == "1"
    chat(client, group)
    with pytest.raises(openai.RateLimitError) as caught:
        chat(client, group)
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 60
    assert caught.value.code == "rate_limit_exceeded"


def test_an_admin_limits_a_person_and_a_team_and_the_tightest_counts(
    stage: Stage, issue, person: str, team: str, make_group: MakeGroup
):
    group = make_group()
    stage.console.call("PATCH", f"/api/v1/llm/users/{person}", {"rpm": 3})
    stage.console.call("PATCH", f"/api/v1/llm/teams/{team}", {"rpm": 2})
    of_team, personal = issue(team=team, rpm=50), issue()
    answer = of_team.chat.completions.with_raw_response.create(model=group, messages=HI)
    assert (answer.headers["x-ratelimit-limit-requests"], answer.headers["x-ratelimit-remaining-requests"]) == (
        "2",
        "1",
    )
    chat(of_team, group)
    assert refusal(of_team, group) == (429, "rate_limit_exceeded")
    chat(personal, group)
    assert refusal(personal, group) == (429, "rate_limit_exceeded")


def test_a_key_with_a_limit_can_not_lift_it(stage: Stage, issue, make_group: MakeGroup):
    client, group = issue(rpm=1), make_group()
    chat(client, group)
    with pytest.raises(openai.PermissionDeniedError):
        client.post("/../api/v1/llm/keys", body={"name": "more"}, cast_to=object)
    assert refusal(client, group) == (429, "rate_limit_exceeded")


@pytest.mark.parametrize("params", [{}, {"stream": True}], ids=["plain", "streaming"])
def test_tokens_a_minute_are_limited(issue, make_group: MakeGroup, params: dict[str, Any]):
    client, group = issue(tpm=1), make_group()
    answer = chat(client, group, **params)
    if params:
        list(answer)
    becomes(lambda: _is_limited(client, group), True)


def _is_limited(client: OpenAI, group: str) -> bool:
    try:
        chat(client, group)
    except openai.RateLimitError:
        return True
    return False


def test_credits_are_held_then_charged_what_it_cost(stage: Stage, issue, person: str, priced: str, make_group):
    group = make_group(priced)
    money = {"user": person, "kind": "top_up", "amount_usd": 1000, "reason": "test"}
    stage.console.call("POST", "/api/v1/llm/credits/movements", money)
    answer = chat(issue(), group, max_tokens=500)
    read = lambda: stage.console.call("GET", f"/api/v1/llm/credits?user={person}")  # noqa: E731
    becomes(lambda: (read()["balance_usd"], read()["held_usd"]), (1000 - answer.usage.completion_tokens, 0))


def test_a_stream_is_charged_too_and_a_failure_is_not(stage: Stage, issue, person: str, priced: str, make_group):
    group = make_group(priced, retry_config={"num_retries": 0}, cooldown_config={"cooldown_time_s": 0})
    money = {"user": person, "kind": "top_up", "amount_usd": 1000, "reason": "test"}
    stage.console.call("POST", "/api/v1/llm/credits/movements", money)
    client = issue()
    usage = [chunk.usage for chunk in chat(client, group, max_tokens=500, stream=True) if chunk.usage]
    assert not usage, "a client that did not ask for the tokens is not shown them"
    read = lambda: stage.console.call("GET", f"/api/v1/llm/credits?user={person}")  # noqa: E731
    becomes(lambda: read()["balance_usd"] < 1000 and read()["held_usd"] == 0, True)
    before = read()["balance_usd"]
    stage.first.script({"type": "fail", "status": 500, "times": None})
    assert refusal(client, group, max_tokens=500)[0] >= 500
    becomes(lambda: (read()["balance_usd"], read()["held_usd"]), (before, 0))


def test_a_request_that_may_cost_more_than_is_left_is_refused(
    stage: Stage, issue, person: str, priced: str, make_group
):
    group = make_group(priced)
    money = {"user": person, "kind": "top_up", "amount_usd": 10, "reason": "test"}
    stage.console.call("POST", "/api/v1/llm/credits/movements", money)
    client = issue()
    with pytest.raises(openai.APIStatusError) as caught:
        chat(client, group, max_tokens=11)
    assert (caught.value.status_code, caught.value.code) == (402, "insufficient_quota")
    assert "$11.00" in caught.value.message
    assert caught.value.response.headers["x-litellm-call-id"]


def test_a_monthly_cap_is_a_429_until_the_month_is_over(stage: Stage, issue, team: str, priced: str, make_group):
    group = make_group(priced)
    stage.console.call("PATCH", "/api/v1/llm/credits/limits", {"team": team, "monthly_cap_usd": 10})
    client = issue(team=team)
    with pytest.raises(openai.RateLimitError) as caught:
        chat(client, group, max_tokens=11)
    assert caught.value.code == "monthly_cap_reached"
    assert int(caught.value.response.headers["retry-after"]) > 0


def test_200_requests_at_once_take_no_more_than_there_is(stage: Stage, issue, person: str, priced: str, make_group):
    group = make_group(priced)
    money = {"user": person, "kind": "top_up", "amount_usd": 2000, "reason": "test"}
    stage.console.call("POST", "/api/v1/llm/credits/movements", money)
    client = issue()

    def spend(_: int) -> int:
        try:
            return int(chat(client, group, max_tokens=100).usage.completion_tokens)
        except openai.APIStatusError as error:
            return 0 if error.code == "insufficient_quota" else 10_000

    with ThreadPoolExecutor(50) as pool:
        spent = sum(pool.map(spend, range(200)))
    read = lambda: stage.console.call("GET", f"/api/v1/llm/credits?user={person}")  # noqa: E731
    becomes(lambda: (read()["balance_usd"], read()["held_usd"]), (2000 - spent, 0))
    assert 0 < spent <= 2000


def test_what_was_refused_is_in_the_log(stage: Stage, issue, person: str, make_group: MakeGroup):
    group = make_group()
    refusal(issue(allowed_models=["another"]), group)
    read = lambda: stage.console.call("GET", f"/api/v1/llm/requests?user={person}")["requests"]  # noqa: E731
    becomes(lambda: [(r["status"], r["error_class"]) for r in read()], [(403, "model_not_allowed")])
