"""Items of earlier answers in a Responses request: an id goes only where it is the caller's."""

from __future__ import annotations

from typing import Any

import pytest

from engine.dialects.responses.replayed import ids_to_look_up, thoughts_by_id, without_foreign_ids

USER = {"role": "user", "content": "hi"}
THOUGHT: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": []}
SAID = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
CALLED = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}


def sent(
    *items: dict[str, Any], held: tuple[str, ...] = (), **rest: Any
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    body, lost = without_foreign_ids({"model": "m", "input": list(items), **rest}, held.__contains__)
    return body["input"], lost


def test_items_that_are_the_callers_there_go_as_they_are():
    items = [USER, THOUGHT, SAID, CALLED]
    assert sent(*items, held=("rs_1", "msg_1", "fc_1")) == (items, ())


def test_reasoning_that_is_only_an_id_is_left_out_and_named():
    assert sent(USER, THOUGHT, USER) == ([USER, USER], ("input.reasoning",))
    assert sent(SAID, THOUGHT)[1] == ("input.reasoning", "input.id")
    assert sent({**THOUGHT, "encrypted_content": None, "summary": [{"type": "summary_text", "text": "t"}]})[0] == []


@pytest.mark.parametrize("item", [SAID, CALLED, {**THOUGHT, "content": [{"type": "reasoning_text", "text": "t"}]}])
def test_an_item_that_is_whole_keeps_all_but_the_id(item: dict[str, Any]):
    [[made], lost] = sent(item)
    assert {**made, "id": item["id"]} == item
    assert made["id"] != item["id"]
    assert made["id"].partition("_")[0] == item["id"].partition("_")[0]
    assert (len(made["id"]) <= 64, lost) == (True, ("input.id",))


def test_ids_that_are_equal_stay_equal_whatever_they_are():
    asked = {"type": "mcp_approval_request", "id": "mcpr_1", "name": "n", "arguments": "{}", "server_label": "s"}
    answer = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}
    [[first, second], _] = sent(asked, answer)
    assert first["id"] == second["approval_request_id"] != "mcpr_1"
    assert sent(answer, previous_response_id="resp_1")[0] == [answer]


@pytest.mark.parametrize("id", [7, ["x"], "", None, "ümlaut_" * 40, "x" * 9999, {"a": 1}])
def test_an_odd_id_does_no_harm(id: object):
    [[made], _] = sent({**SAID, "id": id})
    assert {**made, "id": id} == {**SAID, "id": id}
    assert ids_to_look_up({"input": [{**THOUGHT, "id": id}]}) <= {id if isinstance(id, str) else ""}


def test_what_is_encrypted_keeps_the_id_that_its_content_names():
    items = [{**THOUGHT, "encrypted_content": "gAAA"}, {"type": "compaction", "id": "cmp_1", "encrypted_content": "g"}]
    assert sent(*items) == (items, ())


def test_code_that_ran_in_the_container_of_another_does_not_lead_there():
    ran = {"type": "code_interpreter_call", "id": "ci_1", "container_id": "cntr_1", "code": "1", "status": "completed"}
    assert sent(ran)[0][0]["container_id"] != "cntr_1"
    assert sent(ran, held=("ci_1", "cntr_1"))[0] == [ran]
    assert ids_to_look_up({"input": [ran]}) == {"ci_1", "cntr_1"}


def test_only_what_is_nothing_without_its_id_has_to_be_looked_up():
    assert ids_to_look_up({"input": [USER, SAID, CALLED, {**THOUGHT, "encrypted_content": "g"}]}) == set()
    assert ids_to_look_up({"input": [SAID, THOUGHT]}) == {"msg_1", "rs_1"}
    assert thoughts_by_id({"input": [SAID, THOUGHT, {**THOUGHT, "id": "rs_2"}]}) == ["rs_1", "rs_2"]
