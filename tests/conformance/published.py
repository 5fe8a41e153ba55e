"""Every parameter of each protocol, as the vendors' libraries list them (openai 3.57, anthropic 2.14).

`tests/clients/test_conformance.py` compares the lists with the libraries.
"""

from __future__ import annotations

CHAT = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "audio", "frequency_penalty", "function_call", "functions"),
        *("logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "metadata", "modalities", "moderation"),
        *("n", "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options"),
        *("prompt_cache_retention", "reasoning_effort", "response_format", "safety_identifier", "seed"),
        *("service_tier", "stop", "store", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user"),
        *("verbosity", "web_search_options"),
    }
)
RESPONSES = frozenset(
    {
        *("model", "input", "stream", "stream_options", "access_programs", "background", "background_options"),
        *("context_management", "conversation", "image", "include", "instructions", "max_output_tokens"),
        *("max_tool_calls", "metadata", "moderation", "parallel_tool_calls", "previous_response_id", "prompt"),
        *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier"),
        *("service_tier", "store", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p"),
        *("truncation", "user"),
    }
)
# `temperature`, `top_p` and `top_k` are documented still; `betas` of the library is a header.
MESSAGES = frozenset(
    {
        *("model", "messages", "stream", "max_tokens", "cache_control", "container", "diagnostics", "inference_geo"),
        *("metadata", "output_config", "service_tier", "speed", "stop_sequences", "system", "thinking"),
        *("tool_choice", "tools", "user_profile_id", "workspace_id", "temperature", "top_p", "top_k"),
        *("billing_policy", "compaction", "context_management", "fallback_credit_token", "fallbacks"),
        *("mcp_servers", "thread", "output_format"),
    }
)
