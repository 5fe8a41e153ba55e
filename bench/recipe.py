"""The recipe that `bench.rehearsal` compares with; prints its CPU and wall seconds as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm
from litellm.integrations.custom_logger import CustomLogger

LATENCIES_MS = {"a": 150.0, "b": 235.0, "c": 320.0}
CONCURRENCY = 10


class TraceCallback(CustomLogger):
    """Collects what LiteLLM tells of each call."""

    def __init__(self) -> None:
        super().__init__()
        self.traces: list[dict[str, Any]] = []

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        info = (kwargs.get("litellm_params") or {}).get("model_info") or {}
        latency_ms = (end_time - start_time).total_seconds() * 1000
        self.traces.append({"deployment_id": info.get("id"), "latency_ms": latency_ms, "status": "success"})


async def route(router: litellm.Router, limit: asyncio.Semaphore) -> None:
    async with limit:
        message = [{"role": "user", "content": "Hello, respond with one word."}]
        answer = await router.acompletion(model="bench", messages=message, mock_response="Mock test response")
        await asyncio.sleep(random.choice(list(LATENCIES_MS.values())) / 1000)
        assert answer.choices


async def simulate(requests: int) -> None:
    litellm.callbacks.append(TraceCallback())
    rows = [
        {
            "model_name": "bench",
            "litellm_params": {"model": "openai/gpt-4o", "api_key": "none"},
            "model_info": {"id": n},
        }
        for n in LATENCIES_MS
    ]
    router, limit = litellm.Router(model_list=rows), asyncio.Semaphore(CONCURRENCY)
    await route(router, limit)  # warm
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(route(router, limit) for _ in range(requests)))
    await asyncio.sleep(0.1)  # callbacks come a few turns later
    wall, used = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"wall_s": wall, "cpu_s": used, "memory_mb": memory_mb()}))


def memory_mb() -> float:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


if __name__ == "__main__":
    asyncio.run(simulate(int(sys.argv[1])))
