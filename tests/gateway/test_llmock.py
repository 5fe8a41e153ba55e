"""The gateway between two programs nobody here wrote: the `openai` client and the fault server `llmock`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.fakes import Drop, Ok, ScriptedUpstream, StalledStream
from tests.gateway.conftest import Stage

PING: Any = [{"role": "user", "content": "ping"}]
MakeGroup = Callable[..., str]


def ask(stage: Stage, group: str, **params: Any) -> Any:
    """The client's raw answer: `.parse()` is the completion, `.headers` what came with it."""
    return stage.client.chat.completions.with_raw_response.create(model=group, messages=PING, **params)


def outcomes(stage: Stage, answer: Any) -> list[tuple[str, int, str]]:
    """(provider, tier, status) of every attempt, in order."""
    attempts = stage.attempts(answer.headers["x-litellm-call-id"])
    return [(attempt["provider"], attempt["tier"], attempt["status"]) for attempt in attempts]


FELL_BACK = [("First", 1, "error"), ("Second", 2, "success")]


def test_a_healthy_first_deployment_answers(stage: Stage, make_group: MakeGroup) -> None:
    stage.first.script({"type": "reply", "text": "pong"})
    group = make_group()
    answer = ask(stage, group)
    assert answer.parse().choices[0].message.content == "pong"
    assert answer.headers["x-litellm-model-group"] == group
    assert answer.headers["x-litellm-model-id"] == stage.models[0]
    assert answer.headers["x-litellm-attempted-fallbacks"] == "0"
    assert outcomes(stage, answer) == [("First", 1, "success")]
    assert stage.second.requests() == []


def test_a_rate_limited_deployment_is_left_alone(stage: Stage, make_group: MakeGroup) -> None:
    stage.first.script({"type": "fail", "status": 429, "retry_after": 30})
    group = make_group()
    answer = ask(stage, group)
    assert answer.parse().choices[0].message.content
    assert answer.headers["x-litellm-model-id"] == stage.models[1]
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert outcomes(stage, answer) == FELL_BACK
    assert outcomes(stage, ask(stage, group)) == [("Second", 2, "success")]
    assert len(stage.first.requests()) == 1


def test_the_attempts_say_why_the_router_moved_on(stage: Stage, make_group: MakeGroup) -> None:
    stage.first.script({"type": "fail", "status": 429, "retry_after": 30, "message": "slow down, please"})
    answer = ask(stage, make_group())
    failed, served = stage.attempts(answer.headers["x-litellm-call-id"])
    assert failed["error_class"] == "RateLimitError"
    assert "slow down, please" in failed["error_message"]
    assert failed["moved_on_because"]
    assert served["moved_on_because"] is None
    assert (failed["deployment_id"], served["deployment_id"]) == stage.models
    assert failed["started_at"] <= served["started_at"]


def test_an_outage_is_answered_by_the_next_tier(stage: Stage, make_group: MakeGroup) -> None:
    stage.first.script({"type": "fail", "status": 503, "times": None})
    group = make_group()
    answers = [ask(stage, group) for _ in range(4)]
    assert all(answer.parse().choices[0].message.content for answer in answers)
    assert outcomes(stage, answers[0])[0] == ("First", 1, "error")
    assert {outcomes(stage, answer)[-1] for answer in answers} == {("Second", 2, "success")}
    assert len(stage.second.requests()) == 4


def test_an_outage_everywhere_is_the_upstreams_error(stage: Stage, make_group: MakeGroup) -> None:
    for upstream in (stage.first, stage.second):
        upstream.script({"type": "fail", "status": 503, "times": None})
    with pytest.raises(openai.APIStatusError) as caught:
        ask(stage, make_group(cooldown_config={"cooldown_time_s": 0}))
    assert caught.value.status_code == 503
    assert {"message", "type", "param", "code"} <= set(caught.value.response.json()["error"])


def test_a_dropped_connection_falls_back(stage: Stage, make_group: MakeGroup) -> None:
    with ScriptedUpstream(usual=Drop()) as upstream:
        broken = stage.console.add_model(provider="Dropper", api_base=upstream.url)
        answer = ask(stage, make_group(broken, stage.models[1]))
        assert answer.parse().choices[0].message.content
        assert outcomes(stage, answer)[0] == ("Dropper", 1, "error")
        assert outcomes(stage, answer)[-1] == ("Second", 2, "success")
        assert upstream.count >= 1


def test_a_stream_arrives_whole(stage: Stage, make_group: MakeGroup) -> None:
    stage.first.script({"type": "reply", "text": "one two three four"})
    answer = ask(stage, make_group(), stream=True)
    chunks = list(answer.parse())
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "one two three four"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert outcomes(stage, answer) == [("First", 1, "success")]


def test_a_client_that_hangs_up_after_done_had_a_success(stage: Stage, make_group: MakeGroup) -> None:
    """As the openai client does: it closes the connection at [DONE], before the response has ended."""
    with ScriptedUpstream(usual=Ok(linger_s=30)) as upstream:
        lingering = stage.console.add_model(provider="Lingerer", api_base=upstream.url)
        answer = ask(stage, make_group(lingering), stream=True)
        assert list(answer.parse())[-1].choices[0].finish_reason == "stop"
        assert outcomes(stage, answer) == [("Lingerer", 1, "success")]


def test_a_stream_dropped_before_its_first_token_falls_back(stage: Stage, make_group: MakeGroup) -> None:
    stage.first.script({"type": "stream_fault", "kind": "disconnect", "after_chunks": 0, "times": None})
    stage.second.script({"type": "reply", "text": "from the second"})
    answer = ask(stage, make_group(), stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in answer.parse() if c.choices) == "from the second"
    assert outcomes(stage, answer)[0] == ("First", 1, "error")
    assert outcomes(stage, answer)[-1] == ("Second", 2, "success")


@pytest.mark.parametrize("kind", ["disconnect", "truncate"])
def test_a_stream_broken_in_the_middle_does_not_look_complete(stage: Stage, make_group: MakeGroup, kind: str) -> None:
    stage.first.script({"type": "reply", "text": "one two three four five six"})
    stage.first.script({"type": "stream_fault", "kind": kind, "after_chunks": 3})
    answer = ask(stage, make_group(settings={"rescue": "off"}), stream=True)
    with pytest.raises(openai.APIError):
        list(answer.parse())
    assert outcomes(stage, answer) == [("First", 1, "error")]


def test_all_cooled_down_is_a_429_that_says_when_to_return(stage: Stage, make_group: MakeGroup) -> None:
    for upstream in (stage.first, stage.second):
        upstream.script({"type": "fail", "status": 429, "retry_after": 30, "times": None})
    group = make_group()
    with pytest.raises(openai.RateLimitError):
        ask(stage, group)
    asked_so_far = len(stage.first.requests()) + len(stage.second.requests())
    with pytest.raises(openai.RateLimitError) as caught:
        ask(stage, group)
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 60
    assert stage.attempts(caught.value.response.headers["x-litellm-call-id"]) == []
    assert len(stage.first.requests()) + len(stage.second.requests()) == asked_so_far


def test_a_client_that_leaves_takes_the_upstream_call_with_it(stage: Stage, make_group: MakeGroup) -> None:
    with ScriptedUpstream(usual=StalledStream(after=2)) as upstream:
        stalled = stage.console.add_model(provider="Staller", api_base=upstream.url)
        group = make_group(stalled, retry_config={"num_retries": 0, "stream_idle_timeout_s": 60})
        stream = ask(stage, group, stream=True).parse()
        next(iter(stream))
        stream.close()
        assert upstream.saw_disconnect()


def test_embeddings_take_the_same_road(stage: Stage, make_group: MakeGroup) -> None:
    stage.first.script({"type": "fail", "status": 503, "times": None})
    answer = stage.client.embeddings.create(model=make_group(), input="ping")
    assert answer.data[0].embedding
    assert len(stage.second.requests()) == 1
