"""The routing engine: its core, drivers, upstreams, the ledger of attempts, and rehearsals. Knows no Django."""

import os

# Set before the first import of litellm: otherwise it downloads its price map.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
