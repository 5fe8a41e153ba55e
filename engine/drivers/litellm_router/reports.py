"""What one attempt tells its router's strategy and cooldowns, and the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import litellm
from litellm.router_utils.router_callbacks.track_deployment_metrics import (
    increment_deployment_successes_for_current_minute,
)

from engine.drivers import attempt_ledger
from engine.drivers.litellm_router.translation import to_litellm
from engine.ledger import Attempt
from engine.spec import DeploymentSpec
from engine.upstreams.call import Call, Stream, Usage

if TYPE_CHECKING:
    from engine.drivers.litellm_router.router import GroupRouter

# Inside its own router every group has the same name: a group's name may look like a provider's model.
GROUP = "group"


class Report:
    """The report of one attempt: `started`, then `succeeded` or `failed`, or `follow` for a stream."""

    def __init__(
        self, router: GroupRouter, row: dict[str, Any], call: Call, attempt: Attempt, deployment: DeploymentSpec
    ) -> None:
        self._router, self._attempt, self._is_stream = router, attempt, call.is_stream
        self._deployment, self._call_id = deployment, call.trace.call_id
        self._start = datetime.now()
        self._has_started = False
        self._kwargs = _callback_kwargs(row, is_stream=call.is_stream)

    def started(self) -> None:
        """The attempt is in flight: least-busy counts it."""
        self._has_started = True
        for selector in self._router.selectors:
            selector.log_pre_api_call(GROUP, [], self._kwargs)

    async def succeeded(self, usage: Usage | None) -> None:
        """The attempt answered in full."""
        self._attempt.status_code = 200
        attempt_ledger.close(self._attempt, "success")
        increment_deployment_successes_for_current_minute(
            litellm_router_instance=self._router, deployment_id=self._kwargs["litellm_params"]["model_info"]["id"]
        )
        if not self._router.selectors:
            return
        self._kwargs["standard_logging_object"]["total_tokens"] = usage.total_tokens if usage else 0
        if self._attempt.first_token_ms is not None:
            first_token_at = self._attempt.started_at + self._attempt.first_token_ms / 1000
            self._kwargs["completion_start_time"] = datetime.fromtimestamp(first_token_at)
        response, end = _counted_response(usage), datetime.now()
        for selector in self._router.selectors:
            await selector.async_log_success_event(self._kwargs, response, self._start, end)
        self._forget_redis_queue()

    async def failed(self, error: BaseException) -> None:
        """The attempt failed, or its caller left; only a failure of the upstream counts for cooldowns, which a
        refused key of the caller's is not."""
        has_left, theirs = not isinstance(error, Exception), error
        if isinstance(error, Exception):
            attempt_ledger.failed(self._attempt, self._deployment, error)
            theirs = to_litellm(error)
        else:
            attempt_ledger.close(self._attempt, "cancelled")
        end = datetime.now()
        self._kwargs["exception"] = theirs
        if not has_left and not self._attempt.is_key_refused:
            self._router.cooling.failed(self._attempt, error, self._call_id)
            self._router.deployment_callback_on_failure(self._kwargs, None, self._start, end)
        if self._has_started:
            for selector in self._router.selectors:
                await selector.async_log_failure_event(self._kwargs, None, self._start, end)

    def follow(self, stream: Stream) -> None:
        """Reports when the stream ends, and how."""

        async def on_end(error: BaseException | None) -> None:
            await (self.failed(error) if error is not None else self.succeeded(stream.usage))

        stream.on_end = on_end

    def _forget_redis_queue(self) -> None:
        # Usage-based routing queues every increment for a Redis this router does not have.
        for selector in self._router.selectors:
            if hasattr(selector, "redis_increment_operation_queue"):
                selector.redis_increment_operation_queue.clear()


def _callback_kwargs(row: dict[str, Any], *, is_stream: bool) -> dict[str, Any]:
    """What LiteLLM's selectors read of a call; shapes as in its `model_call_details`."""
    router_deployment_id, upstream_model = row["model_info"]["id"], row["litellm_params"]["model"]
    return {
        "stream": is_stream,
        "litellm_params": {
            "metadata": {"model_group": GROUP, "deployment": upstream_model},
            "model_info": row["model_info"],
        },
        "standard_logging_object": {
            "model_group": GROUP,
            "model_id": router_deployment_id,
            "hidden_params": {"litellm_model_name": upstream_model},
            "total_tokens": 0,
        },
    }


def _counted_response(usage: Usage | None) -> litellm.ModelResponse:
    """As much of an answer as the selectors read: its usage."""
    response = litellm.ModelResponse()
    if usage is not None:
        response.usage = litellm.Usage(
            prompt_tokens=usage.input_tokens,
            completion_tokens=usage.output_tokens,
            total_tokens=usage.total_tokens,
        )
    return response
