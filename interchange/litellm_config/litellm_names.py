"""LiteLLM's names for our terms, in both directions. Pure data."""

from __future__ import annotations

from groups.models import Strategy

ENVIRONMENT = "os.environ/"
# LiteLLM's OpenAI client requires a key, even for servers without keys.
NO_KEY = "not-needed"
# LiteLLM reserves the name `default` for a routing group of its own.
RESERVED, INSTEAD = "default", "default-routing"
# Our fields under `model_info`, which LiteLLM passes through unchanged.
OURS = "routing_console"

# LiteLLM's router has these two as simple-shuffle with `order` or `weight` on each deployment.
LED = frozenset({Strategy.PRIORITY_FAILOVER, Strategy.WEIGHTED})
STRATEGIES = {
    "simple-shuffle": Strategy.SIMPLE_SHUFFLE,
    "least-busy": Strategy.LEAST_BUSY,
    "latency-based-routing": Strategy.LATENCY_BASED,
    "cost-based-routing": Strategy.COST_BASED,
    "usage-based-routing-v2": Strategy.USAGE_BASED,
    "usage-based-routing": Strategy.USAGE_BASED,
}

# Prices of a model: US dollars per million tokens here, per token in LiteLLM.
COSTS = {
    "input_cost_per_million": "input_cost_per_token",
    "output_cost_per_million": "output_cost_per_token",
    "cached_input_cost_per_million": "cache_read_input_token_cost",
    "cache_write_cost_per_million": "cache_creation_input_token_cost",
}

# retry_config / cooldown_config -> (where, name) on a deployment.
PER_DEPLOYMENT = {
    "retry_config": {
        "num_retries": ("litellm_params", "num_retries"),
        "timeout_s": ("litellm_params", "timeout"),
        "first_token_timeout_s": ("litellm_params", "stream_timeout"),
    },
    "cooldown_config": {
        "cooldown_time_s": ("model_info", "cooldown_time"),
        "allowed_fails": ("model_info", "allowed_fails"),
    },
}
# The same for the whole router: names in `router_settings`, and the alternatives in `litellm_settings`.
PER_ROUTER = {
    "retry_config": {
        "num_retries": "num_retries",
        "timeout_s": "timeout",
        "first_token_timeout_s": "stream_timeout",
        "retry_after_s": "retry_after",
        "max_fallbacks": "max_fallbacks",
    },
    "cooldown_config": {"cooldown_time_s": "cooldown_time", "allowed_fails": "allowed_fails"},
}
ALSO_IN_LITELLM_SETTINGS = {
    "num_retries": "num_retries",
    "timeout": "request_timeout",
    "allowed_fails": "allowed_fails",
}
FALLBACKS = {
    "fallback_groups": "fallbacks",
    "context_window_groups": "context_window_fallbacks",
    "content_policy_groups": "content_policy_fallbacks",
}
