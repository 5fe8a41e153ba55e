"""Skips as callers and readers see them: real requests over real sockets."""

from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest

from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY, becomes, free_port

HI: Any = [{"role": "user", "content": "hi"}]
_numbers = itertools.count(1)


@pytest.fixture
def dead(stage: Stage) -> str:
    """A model at a provider where nobody listens; gives its id."""
    return stage.console.add_model(provider=f"Dead {next(_numbers)}", api_base=f"http://127.0.0.1:{free_port()}/v1")


@pytest.fixture
def group(make_group, dead: str, stage: Stage) -> str:
    return str(make_group(dead, stage.models[0], stage.models[1]))


def ask(stage: Stage, group: str, key: str = MASTER_KEY, **more: Any) -> httpx.Response:
    body = {"model": group, "messages": HI, **more}
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{stage.console.url}/v1/chat/completions", json=body, headers=headers, timeout=30)


def attempts_of(stage: Stage, answer: httpx.Response) -> dict[str, Any]:
    found = stage.console.call("GET", f"/v1/requests/{answer.headers['x-litellm-call-id']}/attempts")
    assert isinstance(found, dict)
    return found


def test_the_second_request_skips_the_primary_that_the_first_found_dead(stage: Stage, group: str, dead: str):
    first, second = ask(stage, group), ask(stage, group)
    assert (first.status_code, second.status_code) == (200, 200)
    found = attempts_of(stage, second)
    assert [a["deployment_id"] for a in found["attempts"]] == [stage.models[0]]
    primary, standby = found["skipped"]
    assert (primary["deployment_id"], primary["reason"], primary["tier"]) == (dead, "cooling", 1)
    assert 0 < primary["for_s"] <= 60
    assert primary["cause"].endswith("×no connection")
    assert primary["cause_call_id"] == first.headers["x-litellm-call-id"]
    assert primary["since"].startswith("20")
    assert (standby["deployment_id"], standby["reason"]) == (stage.models[1], "not_needed")
    assert found["fell_back"] is True
    assert second.headers["x-routing-skipped"] == "1"
    assert "x-routing-skipped" not in first.headers


@pytest.mark.parametrize("is_stream", [False, True])
def test_who_fell_back_is_found_in_the_log(stage: Stage, group: str, is_stream: bool):
    for _ in range(2):
        ask(stage, group, stream=is_stream)

    def logged(fell_back: str, more: str = "") -> list[dict[str, Any]]:
        path = f"/api/v1/llm/requests?group={group}&fell_back={fell_back}{more}"
        return list(stage.console.call("GET", path)["requests"])

    becomes(lambda: len(logged("true")), 2)
    assert [(row["skip_count"], row["fell_back"]) for row in logged("true")] == [(1, True), (0, True)]
    assert [row["skip_count"] for row in logged("true", "&skipped=true")] == [1]
    assert logged("false") == []


def test_a_plain_answer_skips_nobody(stage: Stage, make_group):
    answer = ask(stage, make_group())
    found = attempts_of(stage, answer)
    assert [skip["reason"] for skip in found["skipped"]] == ["not_needed"]
    assert (found["fell_back"], "x-routing-skipped" in answer.headers) == (False, False)


def test_when_all_cool_down_all_are_skipped_and_the_refusal_says_how_many(stage: Stage, make_group, dead: str):
    other = stage.console.add_model(provider=f"Dead {next(_numbers)}", api_base=f"http://127.0.0.1:{free_port()}/v1")
    group = make_group(dead, other)
    ask(stage, group)
    answer = ask(stage, group)
    found = attempts_of(stage, answer)
    assert (answer.status_code, found["attempts"], found["fell_back"]) == (429, [], False)
    assert [skip["reason"] for skip in found["skipped"]] == ["cooling", "cooling"]
    assert answer.headers["x-routing-skipped"] == "2"


@pytest.mark.parametrize("is_assigned", [False, True])
def test_a_fallback_group_that_the_caller_may_not_use_is_skipped(
    stage: Stage, make_group, dead: str, is_assigned: bool
):
    rights: dict[str, Any] = {"assigned_key_ids": ["somebody-else"]} if is_assigned else {}
    theirs = make_group(stage.models[0], **rights)
    group = make_group(dead, fallback_config={"fallback_groups": [theirs]})
    person = f"caller-{next(_numbers)}"
    console = stage.console
    console.call(
        "POST", "/api/v1/llm/users", {"username": person, "role": "viewer", "password": "a long enough password"}
    )
    wanted = {"name": "test", "owner": person, **({} if is_assigned else {"allowed_models": [group]})}
    key = console.call("POST", "/api/v1/llm/keys", wanted)["key"]
    answer = ask(stage, group, key)
    found = attempts_of(stage, answer)
    assert answer.status_code >= 500
    assert {a["deployment_id"] for a in found["attempts"]} == {dead}
    (skip,) = found["skipped"]
    assert (skip["deployment_id"], skip["model_group"], skip["reason"]) == (stage.models[0], theirs, "not_allowed")
    assert stage.first.requests() == []
    assert ask(stage, group).status_code == 200


def test_a_test_request_says_who_was_skipped(stage: Stage, group: str, dead: str):
    ask(stage, group)
    groups = stage.console.call("GET", f"/v1/routing_group?q={group}")["routing_groups"]
    found = stage.console.call("POST", f"/v1/routing_group/{groups[0]['routing_group_id']}/test", {})
    assert [(skip["deployment_id"], skip["reason"]) for skip in found["skipped"]] == [(dead, "cooling")]
    assert found["final_provider"] == "First"
