"""What requests name in the account of a provider, which all callers share."""

from __future__ import annotations

from typing import Any

import pytest

from engine.dialects.account_ids import INSTEAD, named_in


def said(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def given(*items: dict[str, Any]) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": "hi"}, *items]}


FILE = {"type": "input_file", "file_id": "file-1"}
SOURCE = {"type": "file", "file_id": "file_1"}
NAMED: list[tuple[str, dict[str, Any], str]] = [
    ("chat/completions", said({"type": "file", "file": {"file_id": "file-1"}}), "messages[0].content[0].file.file_id"),
    ("chat/completions", {"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}, "messages[0].audio.id"),
    ("responses", given({"role": "user", "content": [FILE]}), "input[1].content[0].file_id"),
    (
        "responses",
        given({"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}),
        "input[1].content[0].file_id",
    ),
    (
        "responses",
        given({"type": "function_call_output", "call_id": "c", "output": [FILE]}),
        "input[1].output[0].file_id",
    ),
    (
        "responses",
        given({"type": "computer_call_output", "call_id": "c", "output": {"file_id": "file-1"}}),
        "input[1].output.file_id",
    ),
    ("responses", {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}, "tools[0].vector_store_ids"),
    ("responses", {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]}, "tools[0].container"),
    (
        "responses",
        {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}]},
        "tools[0].container.file_ids",
    ),
    (
        "responses",
        {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "file_search", "vector_store_ids": ["v"]}]}]},
        "tools[0].tools[0].vector_store_ids",
    ),
    (
        "responses",
        given({"type": "additional_tools", "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}),
        "input[1].tools[0].vector_store_ids",
    ),
    (
        "responses",
        {"tools": [{"type": "image_generation", "input_image_mask": {"file_id": "file-1"}}]},
        "tools[0].input_image_mask.file_id",
    ),
    ("responses", {"conversation": "conv_1"}, "conversation"),
    ("responses", {"prompt": {"id": "pmpt_1"}}, "prompt"),
    ("messages", said({"type": "image", "source": SOURCE}), "messages[0].content[0].source.file_id"),
    ("messages", said({"type": "container_upload", "file_id": "f"}), "messages[0].content[0].file_id"),
    (
        "messages",
        said({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "document", "source": SOURCE}]}),
        "messages[0].content[0].content[0].source.file_id",
    ),
    ("messages", {"container": "c_1"}, "container"),
    ("messages", {"container": {"id": "c_1"}}, "container"),
    ("messages", {"container": {"skills": [{"type": "custom", "skill_id": "s"}]}}, "container.skills[0].skill_id"),
    ("messages", {"thread": {"id": "t"}}, "thread"),
]
SCHEMA = {"type": "object", "properties": {"file_id": {"type": "string"}, "container_id": {"type": "string"}}}
FREE: list[tuple[str, dict[str, Any]]] = [
    ("chat/completions", {"tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]}),
    ("responses", {"tools": [{"type": "function", "name": "f", "parameters": SCHEMA}]}),
    ("messages", {"tools": [{"name": "f", "input_schema": SCHEMA}]}),
    ("messages", said({"type": "tool_use", "id": "t", "name": "f", "input": {"file_id": "x"}})),
    ("responses", given({"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"file_id": "x"}'})),
    ("responses", given({"type": "file_search_call", "id": "fs_1", "results": [{"file_id": "file-1"}]})),
    ("responses", given({"role": "assistant", "content": [{"type": "output_text", "annotations": [FILE]}]})),
    ("responses", {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}),
    ("messages", {"container": {"skills": [{"type": "anthropic", "skill_id": "pdf"}]}}),
    ("messages", {"metadata": {"file_id": "x"}}),
    ("chat/completions", said({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}})),
    ("embeddings", {"input": "file_id"}),
]


@pytest.mark.parametrize(("endpoint", "body", "param"), NAMED)
def test_an_id_in_the_account_is_found_wherever_it_is(endpoint: str, body: dict[str, Any], param: str):
    named = named_in(endpoint, body)
    assert named is not None
    assert (named.param, named.kind in INSTEAD) == (param, True)
    assert f"'{param}'" in named.why


@pytest.mark.parametrize(("endpoint", "body"), FREE)
def test_what_only_reads_like_one_is_none(endpoint: str, body: dict[str, Any]):
    assert named_in(endpoint, body) is None


@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, [None, 1, "x", [[]]], {"a": [1]}])
def test_odd_shapes_do_no_harm(odd: Any):
    for name in ("messages", "input", "tools", "container", "thread", "prompt", "conversation"):
        for endpoint in ("chat/completions", "responses", "messages"):
            named_in(endpoint, {name: odd})
    for name in ("content", "output", "tools", "audio"):
        named_in("responses", {"input": [{name: odd}]})
        named_in("chat/completions", {"messages": [{name: odd}]})
        named_in("messages", {"messages": [{name: [{"type": "document", "source": odd}]}]})
