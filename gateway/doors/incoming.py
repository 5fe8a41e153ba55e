"""A client's request as it came: its key, its id, and what of its headers matters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

from django.conf import settings

from access.client_address import client_of
from engine.ledger import new_call_id
from engine.upstreams.passed_on import FROM_CLIENTS
from gateway.doors import error_shapes
from gateway.doors.paths import Way

if TYPE_CHECKING:
    from access.keys import KeyHolder
    from gateway.exchange import Exchange
    from gateway.live import Config

# A client's own id comes back only if it fits a log line and a header.
SANE_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
PASSED = [(name, name.encode()) for name in sorted(FROM_CLIENTS)]
NAMES_PASSED = frozenset(raw for _, raw in PASSED)
LONGEST_PASSED = 1024


@dataclass(slots=True)
class Incoming:
    """A request before its body is read. `call_id` is ours, `request_id` the client's own or ours.

    For its line in the log: `exchange` is there once it is served, `status` is that of any other answer. `holder` is
    the owner of its key by the configuration `seen`, once it was looked up.
    """

    way: Way
    headers: dict[bytes, bytes]
    is_anthropic: bool
    query: bytes = b""
    peer: str = ""
    call_id: str = field(default_factory=new_call_id)
    request_id: str = ""
    started: float = field(default_factory=perf_counter)
    status: int = 200
    exchange: Exchange | None = None
    holder: KeyHolder | None = None
    seen: Config | None = None

    def __post_init__(self) -> None:
        given = self.headers.get(b"x-request-id") or self.headers.get(b"x-client-request-id")
        self.request_id = given.decode() if given and SANE_ID.fullmatch(given) else self.call_id

    @property
    def key(self) -> str:
        """The key: `Authorization: Bearer`, else `x-api-key`, else `api-key`; empty without one."""
        scheme, _, key = self.headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not key.strip():
            key = self.headers.get(b"x-api-key") or self.headers.get(b"api-key") or b""
        return key.strip().decode("latin-1")

    @property
    def client(self) -> str:
        """The address that it comes from."""
        return client_of(
            self.peer, self.headers.get(b"x-forwarded-for", b"").decode("latin-1"), settings.TRUSTED_PROXIES
        )

    @property
    def encoding(self) -> str:
        """How the body is packed."""
        return self.headers.get(b"content-encoding", b"").decode("latin-1")

    @property
    def passed_on(self) -> dict[str, str]:
        """The headers that may go to providers."""
        if NAMES_PASSED.isdisjoint(self.headers):
            return {}
        given = {name: self.headers[raw] for name, raw in PASSED if raw in self.headers}
        return {name: value.decode() for name, value in given.items() if _is_sane(value)}


def _is_sane(value: bytes) -> bool:
    return len(value) <= LONGEST_PASSED and value.isascii() and value.decode().isprintable()


def incoming(way: Way, path: str, headers: list[tuple[bytes, bytes]], query: bytes = b"", peer: str = "") -> Incoming:
    """The request of an ASGI scope; of a header that came twice the last counts."""
    by_name = dict(headers)
    return Incoming(way, by_name, error_shapes.is_anthropic(path, by_name), query, peer)
