"""Models that take one name of the limit, or one role for system messages: declared, or learned, over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.dialects.call_ids import ids_in
from engine.spec import Unsupported
from tests.engine.direct_calls import Whole, upstream_of_a_test
from tests.engine.test_messages_upstream import ask
from tests.engine.test_quirks import OK
from tests.fakes import ScriptedUpstream

CHAT = "chat/completions"
RULED = {"role": "system", "content": "Be brief."}
DEVELOPED = {"role": "developer", "content": "Be brief."}
HI = {"role": "user", "content": "Hi"}
PLACE: dict[str, Any] = {"provider_type": "openai", "upstream_model": "o3-mini", "dialects": frozenset({"chat"})}
ROLE = "messages.role"


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with upstream_of_a_test() as server:
        yield server


def refusal(text: str, status: int = 400) -> Whole:
    return Whole({"error": {"message": text}}, status=status)


async def asked(upstream: ScriptedUpstream, body: dict[str, Any], endpoint: str = CHAT, **fields: Any) -> Any:
    return await ask(upstream, endpoint, body, order="a", stream=False, **{**PLACE, **fields})


def roles_of(upstream: ScriptedUpstream) -> list[str]:
    return [message["role"] for message in upstream.seen[-1].body["messages"]]


@pytest.mark.parametrize("rule", list(Unsupported))
@pytest.mark.parametrize(("sent", "taken"), [(RULED, "developer"), (DEVELOPED, "system")])
async def test_a_declared_role_is_sent_and_reported(
    upstream: ScriptedUpstream, sent: dict[str, str], taken: str, rule: Unsupported
):
    upstream.script(Whole(OK), Whole(OK))
    said = await asked(upstream, {"messages": [sent, HI]}, system_role=taken, unsupported=rule)
    assert (said.error, roles_of(upstream), said.first.dropped_params) == (None, [taken, "user"], (ROLE,))
    same = await asked(upstream, {"messages": [{**sent, "role": taken}, HI]}, system_role=taken, unsupported=rule)
    assert (roles_of(upstream), same.first.dropped_params) == ([taken, "user"], ())


@pytest.mark.parametrize("rule", list(Unsupported))
@pytest.mark.parametrize("wrong", ["max_tokens", "max_completion_tokens"])
async def test_a_declared_name_of_the_limit_is_sent_and_reported(
    upstream: ScriptedUpstream, wrong: str, rule: Unsupported
):
    taken = "max_completion_tokens" if wrong == "max_tokens" else "max_tokens"
    upstream.script(Whole(OK))
    said = await asked(upstream, {"messages": [HI], wrong: 9}, limit_name=taken, unsupported=rule)
    assert (said.error, said.first.dropped_params) == (None, (wrong,))
    assert {name: upstream.seen[0].body.get(name) for name in (wrong, taken)} == {wrong: None, taken: 9}


async def test_where_both_names_are_given_the_one_that_is_taken_counts(upstream: ScriptedUpstream):
    upstream.script(Whole(OK))
    body = {"messages": [HI], "max_tokens": 5, "max_completion_tokens": 9}
    await asked(upstream, body, limit_name="max_completion_tokens")
    sent = upstream.seen[0].body
    assert ("max_tokens" in sent, sent["max_completion_tokens"]) == (False, 9)


REFUSALS = {
    "OpenAI's o1": ("Unsupported value: 'messages[0].role' does not support 'system' with this model.", RULED),
    "DeepSeek's": ("messages[0].role: unknown variant `developer`, expected one of `system`, `user`", DEVELOPED),
    "Groq's": ("'messages.0' : discriminator property 'role' has invalid value", DEVELOPED),
    "a template's": ("Unexpected message role.", DEVELOPED),
    "pydantic's": ("messages.0.role: Input should be 'system', 'user', 'assistant' or 'tool'", DEVELOPED),
}


@pytest.mark.parametrize("rule", list(Unsupported))
@pytest.mark.parametrize(("text", "message"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_a_role_that_is_refused_gets_its_other_name_at_once_and_from_then_on(
    upstream: ScriptedUpstream, text: str, message: dict[str, str], rule: Unsupported
):
    taken = "developer" if message is RULED else "system"
    upstream.script(refusal(text, 422), Whole(OK), Whole(OK))
    for count in (2, 3):
        said = await asked(upstream, {"messages": [message, HI]}, unsupported=rule)
        assert (said.error, len(said.trace.attempts), upstream.count) == (None, 1, count)
        assert (roles_of(upstream), said.first.dropped_params) == ([taken, "user"], (ROLE,))


async def test_a_limit_that_is_refused_gets_its_other_name_for_chat_clients_too(upstream: ScriptedUpstream):
    text = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    upstream.script(refusal(text), Whole(OK), Whole(OK))
    for _ in range(2):
        said = await asked(upstream, {"messages": [HI], "max_tokens": 9})
        assert (said.error, said.first.dropped_params) == (None, ("max_tokens",))
        assert upstream.seen[-1].body["max_completion_tokens"] == 9
    assert upstream.count == 3


TOO_LONG = (
    "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40, but got 83."
)


def tool_loop(id: str) -> list[dict[str, Any]]:
    calls = [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    return [HI, {"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_call_id": id, "content": "1"}]


def ids_of(upstream: ScriptedUpstream) -> list[str]:
    return list(ids_in(upstream.seen[-1].body["messages"]))


@pytest.mark.parametrize("rule", list(Unsupported))
async def test_a_long_id_of_a_call_goes_as_it_is_until_a_model_refuses_it(
    upstream: ScriptedUpstream, rule: Unsupported
):
    asked_for = {"messages": tool_loop("call_" + "x" * 78)}
    upstream.script(Whole(OK), refusal(TOO_LONG), Whole(OK), Whole(OK))
    said = await asked(upstream, asked_for, unsupported=rule)
    assert (said.first.dropped_params, [len(id) for id in ids_of(upstream)]) == ((), [83, 83])
    for count in (3, 4):
        said = await asked(upstream, asked_for, unsupported=rule)
        assert (said.error, upstream.count, said.first.dropped_params) == (None, count, ("messages.tool_call_id",))
        [call, result] = ids_of(upstream)
        assert (call, len(call)) == (result, 40)


async def test_a_refusal_of_short_ids_too_is_the_clients(upstream: ScriptedUpstream):
    upstream.script(refusal(TOO_LONG), refusal(TOO_LONG))
    said = await asked(upstream, {"messages": tool_loop("x" * 50)})
    assert (said.path, upstream.count) == ("a:error", 2)


async def test_a_long_id_in_a_translated_request_is_short_at_once_and_told_by_the_clients_name(
    upstream: ScriptedUpstream,
):
    call = {"type": "function_call", "call_id": "x" * 80, "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "x" * 80, "output": "1"}
    upstream.script(Whole(OK))
    said = await asked(upstream, {"input": [HI, call, result]}, "responses")
    assert (said.first.dropped_params, [len(id) for id in ids_of(upstream)]) == (("input.call_id",), [64, 64])


NOTHING_LEARNED = {
    "a limit that is too high": "max_tokens is too large: 9. This model supports at most 4 completion tokens.",
    "the request, repeated": "Invalid 'stop'. Got {'stop': 7, 'max_tokens': 9}.",
    "the order of roles": "Conversation roles must alternate user/assistant.",
    "a tool's role": "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
    "something else": "Invalid value for 'temperature': a system error.",
}


@pytest.mark.parametrize("text", NOTHING_LEARNED.values(), ids=NOTHING_LEARNED.keys())
async def test_an_error_of_another_kind_is_the_clients_and_teaches_nothing(upstream: ScriptedUpstream, text: str):
    upstream.script(refusal(text))
    said = await asked(upstream, {"messages": [RULED, HI], "max_tokens": 9})
    assert (said.path, upstream.count) == ("a:error", 1)


async def test_a_model_that_takes_neither_role_is_asked_twice_and_no_more(upstream: ScriptedUpstream):
    upstream.script(*(refusal(f"role: does not support '{role}'") for role in ("system", "developer")))
    said = await asked(upstream, {"messages": [RULED, HI]})
    assert (said.path, upstream.count) == ("a:error", 2)


async def test_a_client_of_responses_is_told_by_its_own_name(upstream: ScriptedUpstream):
    upstream.script(refusal("Unexpected message role."), Whole(OK))
    said = await asked(upstream, {"input": [{**DEVELOPED, "type": "message"}, HI]}, "responses")
    assert (said.error, roles_of(upstream), said.first.dropped_params) == (None, ["system", "user"], ("input.role",))


async def test_the_same_holds_through_litellm(upstream: ScriptedUpstream):
    upstream.script(Whole(OK))
    place: dict[str, Any] = {"provider_type": "openai", "dialects": frozenset({"litellm"}), "system_role": "developer"}
    said = await asked(upstream, {"messages": [RULED, HI]}, **place, limit_name="max_completion_tokens")
    assert (said.error, roles_of(upstream)[0], said.first.dropped_params) == (None, "developer", (ROLE,))


@pytest.mark.parametrize("messages", [None, "x", [1, None, {"role": 7}, {"role": ["system"]}], {"role": "system"}])
async def test_what_is_no_list_of_messages_is_sent_as_it_came(upstream: ScriptedUpstream, messages: Any):
    upstream.script(refusal("messages: give a list", 422))
    await asked(upstream, {"messages": messages, "max_tokens": 5}, system_role="developer", limit_name="max_tokens")
    assert [one.body["messages"] for one in upstream.seen] == [messages]
