"""LiteLLM's own HTTP clients under our rules: no forbidden address, no redirect.

LiteLLM makes a client per provider internally.

All of them share two hooks, and a test fails if an upgrade moves one: the factory of aiohttp's sockets, and the
transport that every answer passes. For LiteLLM's work in threads (token renewal, providers without an async client)
httpx's connections are checked too. The SDKs of clouds (boto3's and Google's credentials) are not covered: they only
call fixed hosts of their own, never a provider's `api_base`.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from inspect import isawaitable
from typing import Any

import httpcore
import httpx
import litellm
from litellm.llms.custom_httpx import aiohttp_transport, http_handler

from engine import addresses
from engine.upstreams import litellm_wire
from engine.upstreams.connections import checked_socket

_handle = aiohttp_transport.LiteLLMAiohttpTransport.handle_async_request


async def _handle_without_redirects(self: Any, request: httpx.Request) -> httpx.Response:
    """Replaces LiteLLM's method: the client above never sees a redirect."""
    litellm_wire.ask_for_plain(request)
    response: httpx.Response = await _handle(self, request)
    litellm_wire.observe(response)
    if response.has_redirect_location:
        await response.aclose()
        raise _redirected(request, response)
    return response


def _redirected(request: httpx.Request, response: httpx.Response) -> httpx.TooManyRedirects:
    why = f"answered {response.status_code}, a redirect, which is not followed"
    return httpx.TooManyRedirects(why, request=request)


class CheckedBackend(httpcore.SyncBackend):
    """Resolves, checks, and connects to the very address that was checked."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            for *_, target in found:
                addresses.adopted().check(str(target[0]))
        except OSError as error:
            raise httpcore.ConnectError(error.strerror or str(error)) from error
        return super().connect_tcp(str(found[0][4][0]), port, timeout, local_address, socket_options)


class CheckedTransport(httpx.HTTPTransport):
    """For LiteLLM's synchronous clients. They share it, so closing one must not close it."""

    def __init__(self) -> None:
        super().__init__()
        self._pool._network_backend = CheckedBackend()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        if response.has_redirect_location:
            response.close()
            raise _redirected(request, response)
        return response

    def close(self) -> None:
        """Kept open for the others."""

    def __exit__(self, *_: object) -> None:
        """Kept open for the others."""


def bind() -> None:
    """Applies the policy to LiteLLM's clients of this process; call it once, before the first of them is made."""
    http_handler.build_aiohttp_keepalive_socket_factory = lambda: checked_socket
    http_handler.AsyncHTTPHandler.should_use_aiohttp_transport = staticmethod(lambda: True)
    aiohttp_transport.LiteLLMAiohttpTransport.handle_async_request = _handle_without_redirects
    litellm.suppress_debug_info = True
    litellm.sync_transport = CheckedTransport()
    litellm.module_level_client = http_handler.HTTPHandler(timeout=60)
    # Of each model of Hugging Face, LiteLLM asks huggingface.co for its length, amid the request; nobody here reads it.
    litellm.utils._get_max_position_embeddings = lambda model_name: None


async def close_clients() -> None:
    """Closes LiteLLM's clients of the running event loop.

    It caches them by the loop's id, which a later loop may get again, and they would not work there.
    """
    cache = litellm.in_memory_llm_clients_cache
    of_this_loop = cache.update_cache_key_with_event_loop("")
    for key in [key for key in cache.cache_dict if key.endswith(of_this_loop)]:
        client = cache.cache_dict.pop(key)
        closing = client.close() if hasattr(client, "close") else None
        if isawaitable(closing):
            await closing
