"""How a request ended is decided where it ends, and stands in the log with the revision of its group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY, eventually

pytestmark = pytest.mark.usefixtures("stage")


def ask(stage: Stage, model: str, *, key: str = MASTER_KEY, **more: Any) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{stage.console.url}/v1/chat/completions", json=body, headers=headers, timeout=30)


def row_of(stage: Stage, answer: httpx.Response) -> dict[str, Any]:
    """What the log says of a request."""
    call = answer.headers["x-litellm-call-id"]
    path = f"/api/v1/llm/requests?call={call}"
    rows: list[dict[str, Any]] = eventually(lambda: stage.console.call("GET", path)["requests"], deadline_s=20)
    return rows[0]


def fail(stage: Stage, status: int) -> None:
    for upstream in (stage.first, stage.second):
        upstream.script({"type": "fail", "status": status, "times": None})


def test_an_answer_is_answered_by_a_revision_of_its_group(stage: Stage, make_group: Callable[..., str]):
    row = row_of(stage, ask(stage, make_group()))
    assert (row["outcome"], row["status"], row["revision"]) == ("answered", 200, 1)


def test_a_lone_model_has_no_revision(stage: Stage):
    row = row_of(stage, ask(stage, "First/llama"))
    assert (row["outcome"], row["revision"]) == ("answered", None)


@pytest.mark.parametrize(
    ("status", "outcome"), [(400, "refused"), (422, "refused"), (401, "failed"), (404, "failed"), (503, "failed")]
)
def test_an_upstreams_error_is_a_failure_unless_it_is_about_the_request(
    stage: Stage, make_group: Callable[..., str], status: int, outcome: str
):
    fail(stage, status)
    assert row_of(stage, ask(stage, make_group()))["outcome"] == outcome


def test_a_group_that_cools_down_as_a_whole_fails_each_request(stage: Stage, make_group: Callable[..., str]):
    fail(stage, 503)
    group = make_group(cooldown_config={"cooldown_time_s": 60, "last_deployment_s": 60})
    answers = [ask(stage, group) for _ in range(3)]
    assert answers[-1].json()["error"]["code"] == "all_cooling_down"
    assert {row_of(stage, answer)["outcome"] for answer in answers} == {"failed"}


def test_a_key_that_may_not_call_the_model_is_refused(stage: Stage, make_group: Callable[..., str]):
    wanted = {"name": "narrow", "owner": "narrow", "allowed_models": ["something-else"]}
    person = {"username": "narrow", "role": "viewer", "password": "a long enough password"}
    stage.console.call("POST", "/api/v1/llm/users", person)
    key = stage.console.call("POST", "/api/v1/llm/keys", wanted)
    row = row_of(stage, ask(stage, make_group(), key=key["key"]))
    assert (row["outcome"], row["status"], row["error_class"]) == ("refused", 403, "model_not_allowed")


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"{", 400, "invalid_request_error"),
        (b'{"model": "nobody", "messages": [{"role": "user", "content": "hi"}]}', 404, "model_not_found"),
    ],
)
def test_what_names_no_group_is_refused_and_logged_with_its_caller(stage: Stage, body: bytes, status: int, error: str):
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    answer = httpx.post(f"{stage.console.url}/v1/chat/completions", content=body, headers=headers, timeout=30)
    assert answer.status_code == status
    row = row_of(stage, answer)
    assert (row["outcome"], row["status"], row["error_class"]) == ("refused", status, error)
    assert (row["model_group"], row["attempt_count"], row["owner"] != "") == ("", 0, True)


def test_a_key_without_the_scope_is_refused_and_logged_with_its_owner(stage: Stage):
    person = {"username": "scoped", "role": "viewer", "password": "a long enough password"}
    stage.console.call("POST", "/api/v1/llm/users", person)
    key = stage.console.call("POST", "/api/v1/llm/keys", {"name": "api", "owner": "scoped", "scopes": ["read"]})
    row = row_of(stage, ask(stage, "First/llama", key=key["key"]))
    assert (row["outcome"], row["status"], row["error_class"]) == ("refused", 403, "missing_scope")
    assert (row["owner"], row["key_name"]) == ("scoped", "api")


def test_a_stream_that_breaks_has_failed_although_it_began_with_200(stage: Stage, make_group: Callable[..., str]):
    stage.first.script({"type": "stream_fault", "kind": "truncate", "after_chunks": 3, "times": None})
    answer = ask(stage, make_group(stage.models[0], settings={"rescue": "off"}), stream=True)
    assert answer.status_code == 200
    assert row_of(stage, answer)["outcome"] == "failed"
