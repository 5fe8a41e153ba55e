"""Each documented parameter of each door with a value that changes something, and fields inside them that can get lost.

A probe is (the parameter or field as it is reported, what it adds to a plain request).
"""

from __future__ import annotations

from typing import Any

from tests.conformance.words import PARAMETERS, PNG, SCHEMA

Body = dict[str, Any]
Probe = tuple[str, Body]
FUNCTION = {"name": "f", "description": "d", "parameters": PARAMETERS}
CHAT_TOOL = {"type": "function", "function": FUNCTION}
CHAT_CUSTOM = {"type": "custom", "custom": {"name": "c", "description": "d", "format": {"type": "text"}}}
RESPONSES_TOOL = {"type": "function", **FUNCTION, "strict": False}
TOOL = {"name": "f", "description": "d", "input_schema": PARAMETERS}
USER = {"role": "user", "content": "ping"}
IMAGE = f"data:image/png;base64,{PNG}"
PLAIN: dict[str, Body] = {
    "chat": {"model": "g", "messages": [USER]},
    "responses": {"model": "g", "input": [USER], "store": False},
    "messages": {"model": "g", "messages": [USER], "max_tokens": 4096},
}


def _said(*messages: Body) -> Body:
    return {"messages": list(messages)}


def _format(**more: Any) -> Body:
    schema = {"name": "answer", "schema": SCHEMA, **more}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


CHAT: tuple[Probe, ...] = (
    ("messages", _said({"role": "user", "content": "another"})),
    ("stream", {"stream": True}),
    ("audio", {"audio": {"voice": "alloy", "format": "mp3"}, "modalities": ["text", "audio"]}),
    ("frequency_penalty", {"frequency_penalty": 0.3}),
    ("functions", {"functions": [FUNCTION]}),
    ("function_call", {"functions": [FUNCTION], "function_call": {"name": "f"}}),
    ("logit_bias", {"logit_bias": {"50256": -100}}),
    ("logprobs", {"logprobs": True}),
    ("top_logprobs", {"logprobs": True, "top_logprobs": 3}),
    ("max_completion_tokens", {"max_completion_tokens": 321}),
    ("max_tokens", {"max_tokens": 321}),
    ("metadata", {"metadata": {"team": "a"}}),
    ("modalities", {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "mp3"}}),
    ("moderation", {"moderation": {"model": "omni-moderation-latest"}}),
    ("n", {"n": 2}),
    ("tools", {"tools": [CHAT_TOOL]}),
    ("tools.strict", {"tools": [{"type": "function", "function": {**FUNCTION, "strict": True}}]}),
    ("tools", {"tools": [CHAT_CUSTOM]}),
    ("tool_choice", {"tools": [CHAT_TOOL], "tool_choice": "required"}),
    ("tool_choice", {"tools": [CHAT_TOOL], "tool_choice": "none"}),
    ("tool_choice", {"tools": [CHAT_TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}}),
    ("parallel_tool_calls", {"tools": [CHAT_TOOL], "parallel_tool_calls": False}),
    ("prediction", {"prediction": {"type": "content", "content": "pong"}}),
    ("presence_penalty", {"presence_penalty": 0.3}),
    ("prompt_cache_key", {"prompt_cache_key": "k"}),
    ("prompt_cache_options", {"prompt_cache_options": {"mode": "explicit"}}),
    ("prompt_cache_retention", {"prompt_cache_retention": "24h"}),
    ("reasoning_effort", {"reasoning_effort": "high"}),
    ("response_format", {"response_format": {"type": "json_object"}}),
    ("response_format", _format(strict=True)),
    ("response_format.description", _format(strict=True, description="An answer.")),
    ("safety_identifier", {"safety_identifier": "u-1"}),
    ("seed", {"seed": 7}),
    ("service_tier", {"service_tier": "flex"}),
    ("stop", {"stop": ["END"]}),
    ("store", {"store": True}),
    ("stream_options", {"stream": True, "stream_options": {"include_obfuscation": False}}),
    ("temperature", {"temperature": 0.3}),
    ("top_p", {"top_p": 0.3}),
    ("user", {"user": "u-1"}),
    ("verbosity", {"verbosity": "low"}),
    ("web_search_options", {"web_search_options": {"search_context_size": "low"}}),
    ("messages.name", _said({**USER, "name": "ann"})),
    ("messages.image_url.detail", _said({"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": IMAGE, "detail": "low"}}]})),
    ("messages.input_audio", _said({"role": "user", "content": [
        {"type": "input_audio", "input_audio": {"data": "QUFB", "format": "wav"}}]})),
    ("messages.file", _said({"role": "user", "content": [
        {"type": "file", "file": {"file_id": "file-1"}}]})),
    ("messages.refusal", _said(USER, {"role": "assistant", "content": None, "refusal": "No."}, USER)),
    ("messages.audio", _said(USER, {"role": "assistant", "content": None, "audio": {"id": "audio_1"}}, USER)),
    ("messages.function_call", _said(USER, {"role": "assistant", "content": None, "function_call": {
        "name": "f", "arguments": "{}"}}, {"role": "function", "name": "f", "content": "ok"})),
    ("made_up", {"made_up": 1}),
)  # fmt: skip


def _input(*items: Body) -> Body:
    return {"input": list(items)}


def _text(**fields: Any) -> Body:
    return {"text": {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, **fields}}}


RESPONSES: tuple[Probe, ...] = (
    ("input", {"input": "another"}),
    ("stream", {"stream": True}),
    ("stream_options", {"stream": True, "stream_options": {"include_obfuscation": True}}),
    ("access_programs", {"access_programs": ["a"]}),
    ("background", {"background": True}),
    ("background_options", {"background_options": {"a": 1}}),
    ("context_management", {"context_management": [{"type": "compaction", "compact_threshold": 9}]}),
    ("conversation", {"conversation": "conv_1"}),
    ("image", {"image": {"a": 1}}),
    ("include", {"include": ["reasoning.encrypted_content"]}),
    ("include", {"include": ["message.output_text.logprobs"]}),
    ("include", {"include": ["web_search_call.action.sources"]}),
    ("instructions", {"instructions": "Be brief."}),
    ("max_output_tokens", {"max_output_tokens": 321}),
    ("max_tool_calls", {"max_tool_calls": 3, "tools": [RESPONSES_TOOL]}),
    ("metadata", {"metadata": {"team": "a"}}),
    ("moderation", {"moderation": {"model": "omni-moderation-latest"}}),
    ("previous_response_id", {"previous_response_id": "resp_1"}),
    ("prompt", {"prompt": {"id": "pmpt_1"}}),
    ("prompt_cache_key", {"prompt_cache_key": "k"}),
    ("prompt_cache_options", {"prompt_cache_options": {"mode": "explicit"}}),
    ("prompt_cache_retention", {"prompt_cache_retention": "24h"}),
    ("reasoning", {"reasoning": {"effort": "high"}}),
    ("reasoning.context", {"reasoning": {"context": "all_turns"}}),
    ("safety_identifier", {"safety_identifier": "u-1"}),
    ("service_tier", {"service_tier": "flex"}),
    ("store", {"store": True}),
    ("temperature", {"temperature": 0.3}),
    ("text", _text(strict=True)),
    ("text.format.description", _text(strict=True, description="An answer.")),
    ("text.verbosity", {"text": {"verbosity": "low"}}),
    ("tools", {"tools": [RESPONSES_TOOL]}),
    ("tools.strict", {"tools": [{**RESPONSES_TOOL, "strict": True}]}),
    ("tools", {"tools": [{"type": "custom", "name": "c", "description": "d"}]}),
    ("tools", {"tools": [{"type": "namespace", "name": "n", "description": "d", "tools": [RESPONSES_TOOL]}]}),
    ("tools.web_search", {"tools": [{"type": "web_search"}]}),
    ("tools.mcp", {"tools": [{"type": "mcp", "server_label": "a", "server_url": "https://mcp.example.com"}]}),
    ("tool_choice", {"tools": [RESPONSES_TOOL], "tool_choice": "required"}),
    ("tool_choice", {"tools": [RESPONSES_TOOL], "tool_choice": {"type": "function", "name": "f"}}),
    ("tool_choice", {"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}}),
    ("parallel_tool_calls", {"tools": [RESPONSES_TOOL], "parallel_tool_calls": False}),
    ("top_logprobs", {"top_logprobs": 3, "include": ["message.output_text.logprobs"]}),
    ("top_p", {"top_p": 0.3}),
    ("truncation", {"truncation": "auto"}),
    ("user", {"user": "u-1"}),
    ("input.reasoning", _input(USER, {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
        {"role": "assistant", "content": "a"}, USER)),
    ("input.web_search_call", _input(USER, {"type": "web_search_call", "id": "ws_1", "status": "completed"}, USER)),
    ("input.image.detail", _input({"role": "user", "content": [
        {"type": "input_image", "image_url": IMAGE, "detail": "low"}]})),
    ("input.image", _input({"role": "user", "content": [
        {"type": "input_image", "file_id": "file-1", "detail": "auto"}]})),
    ("input.file", _input({"role": "user", "content": [
        {"type": "input_file", "file_url": "https://a.example/a.pdf"}]})),
    ("input.compaction", _input(USER, {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"}, USER)),
    ("made_up", {"made_up": 1}),
)  # fmt: skip


def _block(**block: Any) -> Body:
    return _said({"role": "user", "content": [{"type": "text", "text": "ping"}, block]})


PDF = {"type": "base64", "media_type": "application/pdf", "data": "QUFB"}
MESSAGES: tuple[Probe, ...] = (
    ("messages", _said({"role": "user", "content": "another"})),
    ("stream", {"stream": True}),
    ("max_tokens", {"max_tokens": 321}),
    ("cache_control", {"cache_control": {"type": "ephemeral"}}),
    ("container", {"container": "c_1"}),
    ("diagnostics", {"diagnostics": {"a": 1}}),
    ("inference_geo", {"inference_geo": "us"}),
    ("metadata", {"metadata": {"user_id": "u-1"}}),
    ("output_config", {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}),
    ("output_config.effort", {"output_config": {"effort": "low"}}),
    ("output_config.task_budget", {"output_config": {"task_budget": {"type": "tokens", "total": 9}}}),
    ("output_format", {"output_format": {"type": "json_schema", "schema": SCHEMA}}),
    ("service_tier", {"service_tier": "standard_only"}),
    ("speed", {"speed": "fast"}),
    ("stop_sequences", {"stop_sequences": ["END"]}),
    ("stop_sequences", {"stop_sequences": ["1", "2", "3", "4", "5"]}),
    ("system", {"system": "Be brief."}),
    ("cache_control", {"system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]}),
    ("thinking", {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
    ("thinking", {"thinking": {"type": "adaptive"}}),
    ("tools", {"tools": [TOOL]}),
    ("tools.strict", {"tools": [{**TOOL, "strict": True}]}),
    ("cache_control", {"tools": [{**TOOL, "cache_control": {"type": "ephemeral"}}]}),
    ("tools.input_examples", {"tools": [{**TOOL, "input_examples": [{"path": "a"}]}]}),
    ("tools.defer_loading", {"tools": [{**TOOL, "defer_loading": True}]}),
    ("tools.web_search_20250305", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    ("tool_choice", {"tools": [TOOL], "tool_choice": {"type": "any"}}),
    ("tool_choice", {"tools": [TOOL], "tool_choice": {"type": "none"}}),
    ("tool_choice", {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "f"}}),
    ("tool_choice", {"tools": [TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}),
    ("user_profile_id", {"user_profile_id": "p"}),
    ("workspace_id", {"workspace_id": "w"}),
    ("temperature", {"temperature": 0.3}),
    ("top_p", {"top_p": 0.3}),
    ("top_k", {"top_k": 3}),
    ("billing_policy", {"billing_policy": {"a": 1}}),
    ("compaction", {"compaction": {"a": 1}}),
    ("context_management", {"context_management": {"edits": []}}),
    ("fallback_credit_token", {"fallback_credit_token": "t"}),
    ("fallbacks", {"fallbacks": ["m"]}),
    ("mcp_servers", {"mcp_servers": [{"type": "url", "url": "https://mcp.example.com", "name": "m"}]}),
    ("thread", {"thread": {"id": "t"}}),
    ("messages.image", _block(type="image", source={"type": "file", "file_id": "file_1"})),
    ("messages.document", _block(type="document", source=PDF)),
    ("messages.document.context", _block(type="document", source=PDF, context="A letter.")),
    ("messages.document.title", _block(
        type="document", source={"type": "text", "media_type": "text/plain", "data": "a"}, title="T")),
    ("citations", _block(type="document", source=PDF, citations={"enabled": True})),
    ("messages.container_upload", _block(type="container_upload", file_id="f")),
    ("cache_control", _said({"role": "user", "content": [
        {"type": "text", "text": "ping", "cache_control": {"type": "ephemeral"}}]})),
    ("messages.server_tool_use", _said(USER, {"role": "assistant", "content": [
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "text", "text": "a"}]}, USER)),
    ("messages.redacted_thinking", _said(USER, {"role": "assistant", "content": [
        {"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "a"}]}, USER)),
    ("made_up", {"made_up": 1}),
)  # fmt: skip
PROBES: dict[str, tuple[Probe, ...]] = {"chat": CHAT, "responses": RESPONSES, "messages": MESSAGES}
