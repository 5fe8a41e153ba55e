"""Benchmarks. LiteLLM's price map is the one that it ships: no benchmark fetches one."""

import os

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
