"""What the official client gets, and the log says, when a direct upstream misbehaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import Any

import openai
import pytest

from tests.engine.direct_calls import DONE, GONE, ROLE, STOP, WORD, Sent, Whole, chunk
from tests.fakes import ANSWER, Hang, ScriptedUpstream
from tests.gateway.conftest import Stage
from tests.servers import eventually, leave_once

HI: Any = [{"role": "user", "content": "x" * 40}]
GOOD_ENOUGH = {"num_retries": 0, "timeout_s": 20, "stream_idle_timeout_s": 20, "first_token_timeout_s": 3}


@dataclass(frozen=True)
class Asked:
    """A group of one scripted upstream and then another, and its name."""

    stage: Stage
    first: ScriptedUpstream
    name: str

    def stream(self, seen: Event | None = None) -> tuple[str, str, openai.APIError | None]:
        """One stream through the official client: its call id, its text, and how it failed; `seen` is set when its
        first text has come."""
        create = self.stage.client.chat.completions.with_raw_response.create
        raw = create(model=self.name, messages=HI, stream=True)
        text, call_id = "", raw.headers["x-litellm-call-id"]
        try:
            for part in raw.parse():
                text += "".join(choice.delta.content or "" for choice in part.choices)
                if text and seen is not None:
                    seen.set()
        except openai.APIError as error:
            return call_id, text, error
        return call_id, text, None

    def row(self, call_id: str) -> dict[str, Any]:
        """The request's row in the log, as soon as it is there."""
        return self.rows(lambda row: bool(row["call_id"] == call_id))[0]

    def rows(self, is_wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """These rows of the log, as soon as there is one."""

        def found() -> list[dict[str, Any]]:
            page = self.stage.console.call("GET", "/api/v1/llm/requests?size=200")
            return [row for row in page["requests"] if is_wanted(row)]

        assert eventually(lambda: bool(found()), deadline_s=20)
        return found()


HONEST: dict[str, Any] = {"settings": {"rescue": "off"}}


@pytest.fixture
def asked(stage: Stage, make_group: Callable[..., str]) -> Iterator[Asked]:
    with ScriptedUpstream() as first, ScriptedUpstream() as second:
        models = [
            stage.console.add_model(provider=f"{name} {first.number}", api_base=server.url)
            for name, server in (("Odd", first), ("Even", second))
        ]
        prices = {"input_cost_per_million": 1_000_000, "output_cost_per_million": 0}
        stage.console.call("PATCH", f"/api/v1/llm/models/{models[0]}", prices)
        group = make_group(*models, retry_config=GOOD_ENOUGH, cooldown_config={"cooldown_time_s": 0}, **HONEST)
        yield Asked(stage, first, group)


BEFORE: dict[str, Any] = {
    "an error in the first event": Sent((chunk({"content": ""}, "error", error=GONE), DONE)),
    "a role and then an error": Sent((ROLE, chunk({"content": ""}, "error", error=GONE), DONE)),
    "a role and then a cut": Sent((ROLE,), then="cut"),
    "a role and then silence": Sent((ROLE,), then="open"),
    "comments for ever": Sent((), then="ping"),
    "an answer without choices": Whole({"choices": []}),
}


@pytest.mark.parametrize("odd", BEFORE.values(), ids=BEFORE)
def test_a_failure_before_the_first_content_is_not_seen(asked: Asked, odd: Any):
    asked.first.script(odd)
    call_id, text, error = asked.stream()
    assert (text, error) == (ANSWER, None)
    assert [attempt["status"] for attempt in asked.stage.attempts(call_id)] == ["error", "success"]


AFTER = {
    "an error event": (chunk({"content": ""}, "error", error=GONE), DONE),
    "DONE without a finish_reason": (DONE,),
    "an empty finish_reason": (chunk({}, ""), DONE),
}


@pytest.mark.parametrize("rest", AFTER.values(), ids=AFTER)
def test_a_failure_after_it_is_an_error_to_the_client_and_in_the_log(asked: Asked, rest: tuple[bytes, ...]):
    asked.first.script(Sent((ROLE, WORD, seen := Event(), *rest)))
    call_id, text, error = asked.stream(seen)
    assert (text, getattr(error, "code", None)) == ("word", "stream_broken")
    assert [attempt["status"] for attempt in asked.stage.attempts(call_id)] == ["error"]
    assert asked.row(call_id)["status"] == 502


FINE: dict[str, Sent] = {
    "no JSON between": Sent((ROLE, b"data: {half\n\n", WORD, STOP, DONE)),
    "no blank line at the end": Sent((ROLE, WORD, STOP.removesuffix(b"\n\n"))),
    "an open socket": Sent((ROLE, WORD, STOP), then="open"),
}


@pytest.mark.parametrize("odd", FINE.values(), ids=FINE)
def test_what_is_only_odd_is_a_success(asked: Asked, odd: Sent):
    asked.first.script(odd)
    call_id, text, error = asked.stream()
    assert (text, error) == ("word", None)
    row = asked.row(call_id)
    assert (row["status"], row["is_estimated"]) == (200, True)


def test_who_leaves_before_the_answer_is_charged_what_was_asked(asked: Asked):
    asked.first.script(Hang())
    url, body = f"{asked.stage.console.url}/v1/chat/completions", {"model": asked.name, "messages": HI}
    leave_once(url, body, lambda: asked.first.count == 1)
    assert asked.first.saw_disconnect()
    (row,) = asked.rows(lambda row: bool(row["model_group"] == asked.name))
    assert (row["status"], row["input_tokens"], row["output_tokens"], row["is_estimated"]) == (499, 14, 0, True)
    assert row["cost_usd"] == 14
