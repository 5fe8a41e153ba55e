"""The routing engine: LiteLLM's Router, an attempt ledger, upstreams. Knows no Django."""

import os

# Before anybody imports litellm: otherwise it downloads its price map on import.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
