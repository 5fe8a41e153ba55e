"""Which requests belong to one conversation, by the fields and headers of real clients."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from access.keys import KeyHolder
from access.models import Role
from engine.ledger import Trace
from engine.spec import StickyPolicy
from engine.upstreams.call import Call
from gateway.doors.incoming import incoming
from gateway.doors.paths import Asks, Way
from gateway.sticky import conversation_of
from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY

HI: Any = [{"role": "user", "content": "hi"}]
CLAUDE = json.dumps({"device_id": "d", "session_id": "s-1"})


def named(by: str, *, endpoint: Any = "chat/completions", key: str = "k1", headers: Any = (), **body: Any) -> str:
    request = incoming(Way(Asks.ANSWER, endpoint), "/v1/chat/completions", list(headers))
    call = Call(endpoint, {"model": "g", "messages": HI, "max_tokens": 5, **body}, Trace("c", "g"))
    return conversation_of(StickyPolicy(by), request, call, KeyHolder("ann", Role.OPERATOR, key_id=key))


@pytest.mark.parametrize(
    "said",
    [
        {"headers": [(b"x-claude-code-session-id", b"s-1")]},
        {"headers": [(b"session-id", b"s-1")]},
        {"prompt_cache_key": "s-1"},
        {"endpoint": "messages", "metadata": {"user_id": CLAUDE}},
        {"metadata": {"session_id": "s-1"}},
    ],
)
def test_a_session_is_known_as_its_client_names_it(said: dict[str, Any]):
    assert named("session", **said) == named("session", prompt_cache_key="s-1") != ""


@pytest.mark.parametrize(
    ("by", "one", "other"),
    [
        ("user", {"user": "u1"}, {"user": "u2"}),
        ("user", {"safety_identifier": "u1"}, {"safety_identifier": "u2"}),
        ("session", {"prompt_cache_key": "a"}, {"prompt_cache_key": "b"}),
        ("header:x-tab", {"headers": [(b"x-tab", b"1")]}, {"headers": [(b"x-tab", b"2")]}),
        ("key", {"key": "k1"}, {"key": "k2"}),
        ("prefix", {"messages": HI}, {"messages": [{"role": "user", "content": "ho"}]}),
    ],
)
def test_what_differs_makes_another_conversation(by: str, one: dict[str, Any], other: dict[str, Any]):
    assert named(by, **one) == named(by, **one)
    assert "" != named(by, **one) != named(by, **other) != ""


@pytest.mark.parametrize("by", ["user", "session", "header:x-tab"])
def test_two_callers_never_share_a_conversation(by: str):
    said: Any = {"user": "u", "prompt_cache_key": "s", "headers": [(b"x-tab", b"1")]}
    assert named(by, **said) != named(by, **said, key="k2")


@pytest.mark.parametrize("by", ["user", "session", "header:x-tab"])
@pytest.mark.parametrize("odd", [{}, {"user": 7, "metadata": "no", "prompt_cache_key": None}, {"metadata": [1]}])
def test_without_a_name_there_is_no_conversation(by: str, odd: dict[str, Any]):
    assert named(by, **odd) == ""


@pytest.mark.parametrize("user", ["{", "{}", "[1]", '{"session_id": 7}'])
def test_a_users_id_that_names_no_session_is_none(user: str):
    assert named("session", metadata={"user_id": user}) == ""


def test_all_turns_of_a_conversation_begin_alike():
    system = {"role": "system", "content": "Be kind."}
    first = [system, *HI]
    second = [*first, {"role": "assistant", "content": "Hi!"}, {"role": "user", "content": "Bye"}]
    assert named("prefix", messages=first) == named("prefix", messages=second, key="k2")
    assert named("prefix", messages=first) != named("prefix", messages=HI)


def ask(stage: Stage, group: str, session: str) -> httpx.Response:
    body = {"model": group, "messages": HI}
    headers = {"Authorization": f"Bearer {MASTER_KEY}", "session-id": session}
    answer = httpx.post(f"{stage.console.url}/v1/chat/completions", json=body, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer


def test_a_session_stays_at_one_deployment_and_the_log_says_so(stage: Stage, make_group):
    name = make_group(routing_strategy="simple-shuffle", settings={"sticky": {"by": "session"}})
    answers = {session: [ask(stage, name, session) for _ in range(5)] for session in "abcdefgh"}
    served = {s: {answer.headers["x-litellm-model-id"] for answer in found} for s, found in answers.items()}
    assert all(len(models) == 1 for models in served.values())
    assert len(set.union(*served.values())) == 2
    first, *later = [answer.headers["x-litellm-call-id"] for answer in answers["a"]]
    logged = [
        stage.console.call("GET", f"/v1/requests/{call_id}/attempts")["attempts"] for call_id in (first, later[0])
    ]
    assert [[attempt["sticky"] for attempt in attempts] for attempts in logged] == [[False], [True]]
