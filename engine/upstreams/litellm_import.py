"""LiteLLM, imported by the processes that need it: it takes seconds and 170 MB, and most need only direct connections.

The import runs in a thread of its own, once, and so does the first call, which imports the rest. Two threads that
import LiteLLM at once would see its modules half made: everybody waits for this one.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from importlib import import_module
from typing import Any

from engine.ledger import Attempt, Trace
from engine.spec import DeploymentSpec, RetryPolicy, Secret
from engine.upstreams.call import CHAT, Answer, Call, FrankUpstream, Stream, Upstream

DRIVER = "engine.drivers.litellm_router"
_beginning, _importing = threading.Lock(), threading.Lock()
_imported: Future[FrankUpstream] | None = None


class LiteLLMWhenNeeded:
    """The upstream through LiteLLM. An attempt that comes before the import has ended waits for it; the loop does
    not."""

    def dropped(self, call: Call, deployment: DeploymentSpec) -> tuple[str, ...]:
        """The parameters of the client that would not reach the deployment; none while only LiteLLM would know."""
        imported = begin()
        return imported.result().dropped(call, deployment) if imported.done() else ()

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        imported = begin()
        upstream = imported.result() if imported.done() else await asyncio.wrap_future(imported)
        return await upstream.send(call, deployment, policy, attempt)


def begin() -> Future[FrankUpstream]:
    """Starts the import if nobody has; returns at once."""
    global _imported
    with _beginning:
        if _imported is None:
            _imported = Future()
            _imported.set_running_or_notify_cancel()  # who stops waiting does not stop it
            threading.Thread(target=_import, args=(_imported,), name="litellm-import", daemon=True).start()
    return _imported


def driver() -> Any:
    """The module of the driver of LiteLLM's Router. Blocks for the import, in the thread that needs it.

    Raises NoRouter where the installed LiteLLM has none that can be driven.
    """
    with _importing:
        import_module(f"{DRIVER}.contract").check()
        return import_module(f"{DRIVER}.router")


def _import(imported: Future[FrankUpstream]) -> None:
    try:
        with _importing:
            from engine.upstreams.through_litellm import LiteLLMUpstream

            upstream = LiteLLMUpstream()
            asyncio.run(_warm_up(upstream))
        # What has been imported stays: each full collection would look through it for 0.2 to 0.4 s.
        gc.freeze()
        imported.set_result(upstream)
    except BaseException as error:
        imported.set_exception(error)


async def _warm_up(upstream: Upstream) -> None:
    """One call to a port of this machine where nobody listens: a second of imports that no request should pay."""
    where, key = "http://127.0.0.1:1", Secret("warm-up")
    nobody = DeploymentSpec("warm-up", "warm-up", "warm-up", "anthropic", "warm-up", api_base=where, api_key=key)
    attempt = Attempt("warm-up", "warm-up", "warm-up", "warm-up", 1, time.time())
    call = Call(CHAT, {"messages": [{"role": "user", "content": "warm-up"}]}, Trace("warm-up", "warm-up"))
    with suppress(Exception):
        await upstream.send(call, nobody, RetryPolicy(timeout_s=5), attempt)
    from engine.upstreams.connections import close_session

    await close_session()
