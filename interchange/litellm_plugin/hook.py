"""The hook that LiteLLM's proxy calls before routing.

`composing.py` writes it into the plugin; nothing here imports it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterable
from typing import Any

from litellm.integrations.custom_logger import CustomLogger

from engine.virtual import Decision, TierSpec, VirtualSpec, decide, pools_for, reason


class ComplexityRouter(CustomLogger):
    """Replaces a virtual model by a pool; other requests stay unchanged."""

    def __init__(self, virtual_models: Iterable[VirtualSpec], pools: Collection[str]) -> None:
        super().__init__()
        self._virtual_models = {spec.name: spec for spec in virtual_models}
        self._pools = frozenset(pools)

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: Any
    ) -> dict[str, Any]:
        """The request with the pool as its `model`. LiteLLM expects it back, changed or not."""
        spec = self._virtual_models.get(str(data.get("model")))
        if spec is not None:
            self._route(spec, data)
        return data

    async def async_post_call_response_headers_hook(
        self, data: dict[str, Any], *_: Any, **__: Any
    ) -> dict[str, str] | None:
        """The decision, as headers of the answer."""
        metadata = data.get("metadata")
        made = metadata.get("routing_console") if isinstance(metadata, dict) else None
        return dict(made) if isinstance(made, dict) else None

    def _route(self, spec: VirtualSpec, data: dict[str, Any]) -> None:
        messages = data.get("messages")
        decision = decide(messages if isinstance(messages, list) else [], spec)
        tier = next((tier for tier in pools_for(decision, spec) if tier.pool in self._pools), None)
        if tier is None:  # the deployments under the virtual model's own name answer
            return
        data["model"] = tier.pool
        if not isinstance(data.get("metadata"), dict):
            data["metadata"] = {}
        data["metadata"]["routing_console"] = _headers(spec, tier, decision)
        _say(spec, tier, decision)


def _headers(spec: VirtualSpec, tier: TierSpec, decision: Decision) -> dict[str, str]:
    score = {} if decision.score is None else {"x-routing-score": str(decision.score.total)}
    return {"x-routing-virtual-model": spec.name, "x-routing-pool": tier.pool, **score}


def _say(spec: VirtualSpec, tier: TierSpec, decision: Decision) -> None:
    """Prints one line to stderr, which `docker logs` shows at any log level."""
    score = "none" if decision.score is None else decision.score.total
    sys.stderr.write(
        f"[{time.strftime('%H:%M:%S')}] ROUTING DECISION virtual_model={spec.name} pool={tier.pool} "
        f'score={score} decision="{reason(decision, tier)}"\n'
    )
    sys.stderr.flush()
